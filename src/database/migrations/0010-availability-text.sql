-- Why nothing is known is told in every language: {"ja": …, "en": …}. Rows from before have the English `detail` alone.
alter table component_availability add column text jsonb;
