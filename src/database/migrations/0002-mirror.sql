-- The component catalogue: data, not code. The built-in entries are written at start when they are absent.
create table component (
  id text not null,
  name_ja text not null,
  name_en text not null,
  kind text not null,
  numbering text not null,
  entries text[] not null default '{}',
  variants text[] not null default '{}',
  licence text not null,
  carried_by_control_manager boolean not null default true,
  restarts text[] not null default '{}',
  file_patterns text[] not null default '{}',
  cadence jsonb not null,
  built_in boolean not null default false,
  scheduled boolean not null default true,
  position integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint component_pkey primary key (id),
  constraint component_id_form check (id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  constraint component_kind_known check (kind in ('engine', 'pattern', 'other')),
  constraint component_numbering_known check (numbering in ('vsapi', 'engine', 'integer', 'dotted'))
);

-- What the source offers now, as a person sees it beside the current version.
create table component_availability (
  component_id text not null,
  state text not null,
  version text,
  reason text,
  detail text,
  since timestamptz not null,
  checked_at timestamptz not null,
  constraint component_availability_pkey primary key (component_id),
  constraint component_availability_component_fkey foreign key (component_id) references component (id) on delete cascade,
  constraint component_availability_state_known check (state in ('version', 'unknown', 'not-carried'))
);

create table release (
  id uuid not null,
  component_id text not null,
  version text not null,
  variant text,
  origin text not null,
  derived_from uuid,
  source text,
  created_by text,
  created_at timestamptz not null,
  content_digest text not null,
  lines jsonb not null,
  constraint release_pkey primary key (id),
  constraint release_component_fkey foreign key (component_id) references component (id),
  constraint release_derived_from_fkey foreign key (derived_from) references release (id),
  constraint release_origin_known check (origin in ('mirrored', 'derived', 'uploaded')),
  constraint release_content_unique unique (component_id, content_digest)
);
create index release_newest on release (created_at desc, id desc);
create index release_of_component on release (component_id, created_at desc);
create index release_derived_from on release (derived_from);

create table release_file (
  release_id uuid not null,
  path text not null,
  role text not null,
  sha256 text not null,
  size bigint not null,
  from_version text,
  signature_path text,
  signature_sha256 text,
  signature_size bigint,
  constraint release_file_pkey primary key (release_id, path),
  constraint release_file_release_fkey foreign key (release_id) references release (id) on delete cascade,
  constraint release_file_sha256_form check (sha256 ~ '^[0-9a-f]{64}$')
);
create index release_file_by_content on release_file (sha256);

-- One set of releases, rendered for every channel. `prepared`: on disk, not yet in force.
create table snapshot (
  id text not null,
  state text not null,
  reason text not null,
  download_id uuid,
  created_by text not null,
  created_at timestamptz not null,
  published_at timestamptz,
  pinned boolean not null default false,
  constraint snapshot_pkey primary key (id),
  constraint snapshot_state_known check (state in ('prepared', 'published'))
);
create index snapshot_newest on snapshot (created_at desc, id desc);

create table snapshot_channel (
  snapshot_id text not null,
  channel text not null,
  manifest_sha256 text not null,
  file_count integer not null,
  total_bytes bigint not null,
  constraint snapshot_channel_pkey primary key (snapshot_id, channel),
  constraint snapshot_channel_snapshot_fkey foreign key (snapshot_id) references snapshot (id) on delete cascade
);

create table snapshot_release (
  snapshot_id text not null,
  channel text not null,
  component_id text not null,
  release_id uuid not null,
  constraint snapshot_release_pkey primary key (snapshot_id, channel, component_id),
  constraint snapshot_release_snapshot_fkey foreign key (snapshot_id) references snapshot (id) on delete cascade,
  constraint snapshot_release_release_fkey foreign key (release_id) references release (id)
);
create index snapshot_release_by_release on snapshot_release (release_id);

-- A rollback pins a component in a channel to an earlier release until it is resumed.
create table component_pin (
  component_id text not null,
  channel text not null,
  release_id uuid not null,
  pinned_at timestamptz not null,
  pinned_by text not null,
  constraint component_pin_pkey primary key (component_id, channel),
  constraint component_pin_component_fkey foreign key (component_id) references component (id) on delete cascade,
  constraint component_pin_release_fkey foreign key (release_id) references release (id)
);

-- What is remembered of one source between runs: validators of its manifest, whether work is left, and its cool-down.
create table upstream_state (
  source text not null,
  etag text,
  last_modified text,
  manifest_sha256 text,
  plan_fingerprint text,
  complete boolean not null default false,
  read_at timestamptz,
  cool_down_until timestamptz,
  cool_down_reason text,
  failing_since timestamptz,
  last_error jsonb,
  constraint upstream_state_pkey primary key (source)
);

-- What a path of a source held when it was last fetched. sha256 null: the source answered that it has no such file.
create table upstream_file (
  source text not null,
  path text not null,
  sha256 text,
  size bigint,
  version text,
  etag text,
  last_modified text,
  seen_at timestamptz not null,
  constraint upstream_file_pkey primary key (source, path)
);
create index upstream_file_by_content on upstream_file (sha256);

create table download (
  id uuid not null,
  trigger text not null,
  state text not null,
  components text[],
  started_by text not null,
  tick timestamptz,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,
  owner_node text,
  owner_pid integer,
  heartbeat_at timestamptz,
  cancel_requested_at timestamptz,
  cancel_requested_by text,
  phase text,
  source text,
  files_done integer not null default 0,
  files_total integer not null default 0,
  bytes_done bigint not null default 0,
  bytes_total bigint not null default 0,
  outcomes jsonb not null default '[]',
  snapshot_id text,
  error jsonb,
  constraint download_pkey primary key (id),
  constraint download_trigger_known check (trigger in ('manual', 'schedule')),
  constraint download_state_known
    check (state in ('queued', 'running', 'succeeded', 'partial', 'unchanged', 'failed', 'cancelled')),
  constraint download_tick_unique unique (tick)
);
-- The lock: at most one open download on all nodes together.
create unique index download_one_open on download ((true)) where state in ('queued', 'running');
create index download_newest on download (created_at desc, id desc);

-- The update log: one line per component and outcome.
create table update_event (
  id bigint generated always as identity,
  at timestamptz not null,
  trigger text not null,
  component_id text,
  outcome text not null,
  version text,
  version_before text,
  actor text not null,
  download_id uuid,
  release_id uuid,
  code text,
  params jsonb not null default '{}',
  constraint update_event_pkey primary key (id)
);
create index update_event_newest on update_event (at desc, id desc);
create index update_event_of_component on update_event (component_id, id desc);

-- Requests for content that is not held, by component-like key and day.
create table missing_request (
  day date not null,
  channel text not null,
  key text not null,
  count bigint not null,
  last_path text not null,
  last_at timestamptz not null,
  constraint missing_request_pkey primary key (day, channel, key)
);
