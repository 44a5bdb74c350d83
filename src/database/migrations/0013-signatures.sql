-- What a source has of a content and a signature, of which only one is new: the two may not belong together. They are looked at again
-- for an hour after `since`; what a source says for so long it means.
create table signature_doubt (
  source text not null,
  -- Of the signature, in lower case.
  path text not null,
  -- Of the file beside it.
  sha256 text not null,
  -- Null: there is no signature, and it may follow.
  signature_sha256 text,
  since timestamptz not null,
  constraint signature_doubt_pkey primary key (source, path, sha256)
);
-- They stood here before, where files have their version. At most an hour's patience goes with them.
update upstream_file set version = null where version like 'doubted %' and path like '%.sig';

-- By key of a group of files: since when the source has been seen without signatures that earlier files of it had.
alter table upstream_state add column unsigned_since jsonb not null default '{}';

-- Whether a component may do without them: an administrator's decision.
alter table component add column signatures text not null default 'as-before'
  constraint component_signatures_known check (signatures in ('as-before', 'optional'));
