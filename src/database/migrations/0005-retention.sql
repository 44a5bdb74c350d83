-- What retention leaves of a snapshot that is gone: which releases a channel has published, so that a rollback can go further back
-- than the snapshots that are kept. Goes with the release.
create table release_publication (
  release_id uuid not null,
  channel text not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  constraint release_publication_pkey primary key (release_id, channel),
  constraint release_publication_release_fkey foreign key (release_id) references release (id) on delete cascade
);
insert into release_publication (release_id, channel, first_at, last_at)
  select sr.release_id, sr.channel, min(s.created_at), max(s.created_at)
  from snapshot_release sr join snapshot s on s.id = sr.snapshot_id
  where s.state = 'published'
  group by sr.release_id, sr.channel;

-- Why the latest of the counted requests was not served: `not-held`, `not-published`, `snapshot-gone`.
alter table missing_request add column last_kind text not null default 'not-held';
