-- Written and read by nobody: nodes find each other by what they hold in the other tables.
drop table node;
