-- Managed products, and commands with their targets.

-- The tree of folders; products that nobody placed are in New Entity.
create table agent_group (
  id uuid not null,
  parent_id uuid,
  name text not null,
  poll_interval_seconds integer,
  built_in boolean not null default false,
  created_at timestamptz not null default now(),
  constraint agent_group_pkey primary key (id),
  constraint agent_group_parent_fkey foreign key (parent_id) references agent_group (id),
  constraint agent_group_name_unique unique nulls not distinct (parent_id, name),
  constraint agent_group_interval_range check (poll_interval_seconds between 30 and 86400)
);
create index agent_group_parent on agent_group (parent_id);
insert into agent_group (id, parent_id, name, built_in) values ('00000000-0000-4000-8000-000000000001', null, 'New Entity', true);

create table agent (
  controller_id text not null,
  name text,
  group_id uuid not null,
  approval text not null,
  token_hash bytea,
  product_type text,
  product_version text,
  tags text[] not null default '{}',
  attributes jsonb not null default '{}',
  capabilities text[] not null default '{}',
  own_schedule text,
  own_update_since timestamptz,
  pushed_at timestamptz,
  -- null: nothing was said of this product, so the licences of the site hold
  licences jsonb,
  config_data_wanted boolean not null default true,
  config_data_at timestamptz,
  auto_confirm boolean not null default false,
  callback_url text,
  callback_secret text,
  duplicate jsonb,
  origin text not null,
  created_at timestamptz not null,
  created_by text not null,
  constraint agent_pkey primary key (controller_id),
  constraint agent_group_fkey foreign key (group_id) references agent_group (id),
  constraint agent_token_unique unique (token_hash),
  constraint agent_token_is_sha256 check (octet_length(token_hash) = 32),
  constraint agent_controller_id_form check (controller_id ~ '^[A-Za-z0-9._:+=,~-][A-Za-z0-9._:@+=,~-]{0,199}$'),
  constraint agent_approval_known check (approval in ('approved', 'pending', 'blocked')),
  constraint agent_own_schedule_known check (own_schedule in ('on', 'off'))
);
create index agent_of_group on agent (group_id, controller_id);
create index agent_tags on agent using gin (tags);
create index agent_of_product on agent (product_type, controller_id);

-- Written every few seconds in one statement for all agents that were heard of; apart from agent, which seldom changes.
create table agent_contact (
  controller_id text not null,
  last_contact_at timestamptz not null,
  address text,
  fingerprint text,
  earlier_fingerprint text,
  switches integer not null default 0,
  switched_at timestamptz,
  constraint agent_contact_pkey primary key (controller_id),
  constraint agent_contact_agent_fkey foreign key (controller_id) references agent (controller_id) on delete cascade
);
create index agent_contact_last on agent_contact (last_contact_at);

-- The inventory: versions as people read them, beside the raw text of the manifest where it can be told.
create table agent_component (
  controller_id text not null,
  component_id text not null,
  version text not null,
  raw_version text not null,
  variant text,
  reported_at timestamptz not null,
  constraint agent_component_pkey primary key (controller_id, component_id),
  constraint agent_component_agent_fkey foreign key (controller_id) references agent (controller_id) on delete cascade
);
create index agent_component_version on agent_component (component_id, raw_version);

-- gateway: may act for agents and enrol new ones; enrolment: may only enrol. Only the SHA-256 is kept.
create table enrolment_token (
  id uuid not null,
  name text not null,
  kind text not null,
  token_hash bytea not null,
  token_prefix text not null,
  group_id uuid not null,
  auto_approve boolean,
  uses_left integer,
  uses integer not null default 0,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null,
  created_by text not null,
  constraint enrolment_token_pkey primary key (id),
  constraint enrolment_token_hash_unique unique (token_hash),
  constraint enrolment_token_group_fkey foreign key (group_id) references agent_group (id),
  constraint enrolment_token_kind_known check (kind in ('gateway', 'enrolment')),
  constraint enrolment_token_uses_left_not_negative check (uses_left >= 0)
);

-- MD5 and SHA-1 for clients of DDI; computed once.
create table blob_digest (
  sha256 text not null,
  md5 text not null,
  sha1 text not null,
  constraint blob_digest_pkey primary key (sha256)
);

-- Updates that products started themselves, as they tell them. The id is the product's: what is sent twice is kept once.
create table agent_event (
  month date not null,
  controller_id text not null,
  event_id text not null,
  received_at timestamptz not null,
  at timestamptz not null,
  component_id text,
  trigger text not null,
  outcome text not null,
  version_before text,
  version text,
  code integer,
  message text,
  constraint agent_event_pkey primary key (month, controller_id, event_id)
) partition by range (month);
create index agent_event_newest on agent_event (controller_id, received_at desc);

-- One order. `seq` orders commands and is the small key by which targets refer to it; `month` finds their partition.
create table command (
  id uuid not null,
  seq bigint not null generated always as identity,
  month date not null,
  type text not null,
  origin text not null,
  issued_at timestamptz not null,
  issued_by text not null,
  parameters jsonb not null default '{}',
  components text[] not null default '{}',
  deployment_id uuid,
  download_id uuid,
  release_id uuid,
  tries integer not null,
  retry_minutes integer not null,
  expires_at timestamptz not null,
  cancelled_at timestamptz,
  cancelled_by text,
  ended_at timestamptz,
  -- state -> number, written when the command ends; until then command_tally has the numbers
  counts jsonb,
  search tsvector not null,
  constraint command_pkey primary key (id),
  constraint command_seq_unique unique (seq),
  constraint command_tries_range check (tries between 1 and 10),
  constraint command_retry_minutes_range check (retry_minutes between 0 and 10080),
  constraint command_counts_when_ended check ((ended_at is null) = (counts is null))
);
create index command_newest on command (issued_at desc, seq desc);
create index command_of_type on command (type, issued_at desc, seq desc);
create index command_of_issuer on command (issued_by, issued_at desc, seq desc);
create index command_open on command (issued_at desc, seq desc) where ended_at is null;
create index command_search on command using gin (search);
create unique index command_of_download on command (download_id) where download_id is not null;
create index command_of_deployment on command (deployment_id) where deployment_id is not null;
-- "Commands with at least one target in that state", flat at any number of commands.
create index command_with_succeeded on command (issued_at desc, seq desc) where (counts ->> 'succeeded') is not null;
create index command_with_failed on command (issued_at desc, seq desc) where (counts ->> 'failed') is not null;
create index command_with_skipped on command (issued_at desc, seq desc) where (counts ->> 'skipped') is not null;
create index command_with_superseded on command (issued_at desc, seq desc) where (counts ->> 'superseded') is not null;
create index command_with_expired on command (issued_at desc, seq desc) where (counts ->> 'expired') is not null;
create index command_with_cancelled on command (issued_at desc, seq desc) where (counts ->> 'cancelled') is not null;

create table command_component (
  component_id text not null,
  issued_at timestamptz not null,
  command_seq bigint not null,
  constraint command_component_pkey primary key (component_id, issued_at, command_seq),
  constraint command_component_command_fkey foreign key (command_seq) references command (seq) on delete cascade
);
create index command_component_of_command on command_component (command_seq);

-- Which command took the place of which: the links both ways.
create table command_supersession (
  command_seq bigint not null,
  superseded_seq bigint not null,
  constraint command_supersession_pkey primary key (command_seq, superseded_seq)
);
create index command_supersession_reverse on command_supersession (superseded_seq);

create sequence action_id_seq as bigint;

-- One product of one command. `action_id` is what DDI calls the action; a new try gets a new one, so that late feedback of
-- the try before cannot end it. `held` says why a queued target is not offered to its product yet; null: it is offered.
create table command_target (
  month date not null,
  command_seq bigint not null,
  controller_id text not null,
  action_id bigint not null default nextval('action_id_seq'),
  state text not null,
  reason text,
  since timestamptz not null,
  held text,
  attempt integer not null default 1,
  next_attempt_at timestamptz,
  components text[] not null default '{}',
  version_before text,
  version_after text,
  confirmation text,
  state_before_cancel text,
  progress integer,
  progress_at timestamptz not null,
  slow_since timestamptz,
  superseded_by bigint,
  delivered_at timestamptz,
  expires_at timestamptz not null,
  ended_at timestamptz,
  code integer,
  message text,
  feedback_count integer not null default 0,
  dropped_messages integer not null default 0,
  constraint command_target_pkey primary key (month, command_seq, controller_id),
  constraint command_target_state_known check (state in ('queued', 'delivered', 'downloading', 'downloaded', 'installing',
    'cancelling', 'succeeded', 'failed', 'skipped', 'superseded', 'expired', 'cancelled')),
  constraint command_target_held_known check (held in ('ring', 'paused', 'order', 'retry')),
  constraint command_target_held_only_queued check (held is null or state = 'queued'),
  constraint command_target_ended_when_final check ((ended_at is not null) =
    (state in ('succeeded', 'failed', 'skipped', 'superseded', 'expired', 'cancelled')))
) partition by range (month);
create index command_target_by_state on command_target (command_seq, state, controller_id);
create index command_target_of_agent on command_target (controller_id, command_seq desc);
create index command_target_open on command_target (controller_id, action_id) where ended_at is null;
create index command_target_retry_due on command_target (next_attempt_at) where held = 'retry';
create index command_target_expiry on command_target (expires_at) where ended_at is null;
create index command_target_slowness on command_target (progress_at) where ended_at is null and state <> 'queued' and slow_since is null;
create index command_target_behind on command_target (controller_id) where held = 'order';

-- At most one open update for each product and component: who has the row may be offered to the product.
create table open_update (
  controller_id text not null,
  component_id text not null,
  month date not null,
  command_seq bigint not null,
  constraint open_update_pkey primary key (controller_id, component_id)
);
create index open_update_of_command on open_update (command_seq, controller_id);

-- Every try, kept when it ended.
create table target_attempt (
  month date not null,
  command_seq bigint not null,
  controller_id text not null,
  attempt integer not null,
  action_id bigint not null,
  delivered_at timestamptz,
  ended_at timestamptz not null,
  state text not null,
  reason text,
  code integer,
  message text,
  constraint target_attempt_pkey primary key (month, command_seq, controller_id, attempt)
) partition by range (month);
create index target_attempt_action on target_attempt (action_id);

-- What the product told of a try, one row for each feedback; bounded by the writer.
create sequence target_message_id_seq as bigint;
create table target_message (
  month date not null,
  command_seq bigint not null,
  controller_id text not null,
  id bigint not null default nextval('target_message_id_seq'),
  action_id bigint not null,
  attempt integer not null,
  at timestamptz not null,
  execution text not null,
  finished text not null,
  code integer,
  done integer,
  total integer,
  messages text[] not null default '{}',
  dropped integer not null default 0,
  constraint target_message_pkey primary key (month, command_seq, controller_id, id)
) partition by range (month);

-- The last update that succeeded at each product: DDI's installedBase.
create table installed_action (
  controller_id text not null,
  action_id bigint not null,
  month date not null,
  command_seq bigint not null,
  at timestamptz not null,
  constraint installed_action_pkey primary key (controller_id)
);

-- Numbers of targets by command and state as differences: written without a lock that others would wait for, summed by
-- the reader, folded by a job, and replaced by command.counts at the end.
create table command_tally (
  id bigint not null generated always as identity,
  command_seq bigint not null,
  state text not null,
  delta integer not null,
  constraint command_tally_pkey primary key (id)
);
create index command_tally_of_command on command_tally (command_seq);

create function tally_new_targets() returns trigger language plpgsql as $$
begin
  insert into command_tally (command_seq, state, delta)
  select command_seq, state, count(*) from added group by command_seq, state;
  return null;
end $$;
create trigger command_target_added after insert on command_target
  referencing new table as added for each statement execute function tally_new_targets();

create function tally_changed_targets() returns trigger language plpgsql as $$
begin
  insert into command_tally (command_seq, state, delta)
  select command_seq, state, sum(change) from (
    select command_seq, state, 1 as change from changed union all select command_seq, state, -1 from before_change
  ) moved group by command_seq, state having sum(change) <> 0;
  return null;
end $$;
create trigger command_target_changed after update on command_target
  referencing old table as before_change new table as changed for each statement execute function tally_changed_targets();

-- Makes the partitions of a month (its first day) when they are absent. Attaching blocks no reader and no writer.
create function ensure_command_month(wanted date) returns void language plpgsql as $$
declare
  parent text;
  part text;
begin
  if wanted <> date_trunc('month', wanted)::date then
    raise exception 'not the first day of a month: %', wanted;
  end if;
  perform pg_advisory_xact_lock(hashtext('haishin-partitions'));
  foreach parent in array array['command_target', 'target_attempt', 'target_message', 'agent_event'] loop
    part := parent || '_' || to_char(wanted, 'YYYY_MM');
    if to_regclass(part) is null then
      execute format('create table %I (like %I including defaults including constraints)', part, parent);
      execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, part, wanted, (wanted + interval '1 month')::date);
    end if;
  end loop;
end $$;
