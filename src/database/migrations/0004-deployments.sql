-- Deployments: what people and downloads want to have where and when; commands carry it out.

create table deployment_plan (
  id uuid not null,
  name text not null,
  rings jsonb not null,
  pause_when jsonb not null,
  late_joiners boolean not null,
  -- engines follow another plan, in a command of their own
  engine_plan_id uuid,
  bound_to text not null,
  -- to which components the binding refers; null: to all that no other plan names
  components text[],
  built_in boolean not null default false,
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  constraint deployment_plan_pkey primary key (id),
  constraint deployment_plan_name_unique unique (name),
  constraint deployment_plan_engine_plan_fkey foreign key (engine_plan_id) references deployment_plan (id),
  constraint deployment_plan_bound_known check (bound_to in ('none', 'immediately', 'plan', 'new-updates')),
  constraint deployment_plan_engines_elsewhere check (engine_plan_id <> id)
);

-- One wish. The plan is copied into the parts: changing a plan changes no deployment that runs.
create table deployment (
  id uuid not null,
  created_at timestamptz not null,
  created_by text not null,
  trigger text not null,
  download_id uuid,
  plan_id uuid,
  plan_name text,
  releases jsonb not null,
  selection jsonb not null,
  mode jsonb not null,
  maintenance_window jsonb,
  forced boolean not null,
  ended_at timestamptz,
  constraint deployment_pkey primary key (id),
  constraint deployment_trigger_known check (trigger in ('person', 'download'))
);
create index deployment_newest on deployment (created_at desc, id desc);
create index deployment_of_download on deployment (download_id) where download_id is not null;

-- What of a deployment follows one plan in one command: all of it, or engines apart from the rest.
create table deployment_part (
  id uuid not null,
  deployment_id uuid not null,
  kind text not null,
  command_id uuid not null,
  rings jsonb not null,
  pause_when jsonb not null,
  late_joiners boolean not null,
  -- the end of the download, or the order: delays count from here
  basis_at timestamptz not null,
  -- how long a product has from the moment at which its ring lets it through; null: a day, or until its window was open once
  target_hours integer,
  state text not null,
  reason text,
  reason_details jsonb not null default '{}',
  since timestamptz not null,
  changed_by text not null,
  -- when a node looks at it next; only for parts that are not settled
  check_at timestamptz not null,
  joiners_at timestamptz not null,
  settled boolean not null default false,
  constraint deployment_part_pkey primary key (id),
  constraint deployment_part_deployment_fkey foreign key (deployment_id) references deployment (id) on delete cascade,
  constraint deployment_part_kind_unique unique (deployment_id, kind),
  constraint deployment_part_command_unique unique (command_id),
  constraint deployment_part_kind_known check (kind in ('all', 'patterns', 'engines')),
  constraint deployment_part_state_known check (state in ('running', 'paused', 'aborted', 'finished')),
  constraint deployment_part_reason_when_paused check (state <> 'paused' or reason is not null)
);
create index deployment_part_due on deployment_part (check_at) where not settled;

create table deployment_ring (
  part_id uuid not null,
  position smallint not null,
  state text not null,
  -- when the gate before it let it, or the beginning
  eligible_at timestamptz,
  opened_at timestamptz,
  settled_at timestamptz,
  approved_at timestamptz,
  approved_by text,
  passed_at timestamptz,
  -- failures and time-outs that a person has seen and gone on in spite of
  forgiven_failed integer not null default 0,
  forgiven_timeouts integer not null default 0,
  -- written when the part is settled; until then they are counted
  counts jsonb,
  constraint deployment_ring_pkey primary key (part_id, position),
  constraint deployment_ring_part_fkey foreign key (part_id) references deployment_part (id) on delete cascade,
  constraint deployment_ring_state_known check (state in ('waiting', 'open', 'passed')),
  constraint deployment_ring_opened_when_open check ((state = 'waiting') = (opened_at is null))
);

-- Which product is in which ring; gone when the part is settled. A part of one ring that lets everybody through has none.
create table deployment_member (
  part_id uuid not null,
  controller_id text not null,
  ring smallint not null,
  released_at timestamptz,
  constraint deployment_member_pkey primary key (part_id, controller_id),
  constraint deployment_member_part_fkey foreign key (part_id) references deployment_part (id) on delete cascade
);
create index deployment_member_of_ring on deployment_member (part_id, ring);

-- What has been decided after a download: one row for each set of components that was deployed, each once, on whichever
-- node; and one without components when nothing is left to decide.
create table download_deployment (
  download_id uuid not null,
  components text[] not null,
  decided_at timestamptz not null,
  constraint download_deployment_pkey primary key (download_id, components),
  constraint download_deployment_download_fkey foreign key (download_id) references download (id) on delete cascade
);
-- What ended before this version knew of deployments is none of its business.
insert into download_deployment (download_id, components, decided_at)
select id, '{}', finished_at from download where finished_at is not null;
