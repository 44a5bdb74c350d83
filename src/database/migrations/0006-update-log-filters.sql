-- The update log is read newest first also where only lines of one trigger or outcome are wanted: rare ones were looked for in all of it.
create index update_event_of_trigger on update_event (trigger, id desc);
create index update_event_of_outcome on update_event (outcome, id desc);
