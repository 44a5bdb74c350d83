-- A japan channel with sources of its own has newest versions of its own. Without them what the global sources offer counts for
-- both channels.
alter table component_availability add column channel text not null default 'global';
alter table component_availability alter column channel drop default;
alter table component_availability drop constraint component_availability_pkey;
alter table component_availability add constraint component_availability_pkey primary key (component_id, channel);
