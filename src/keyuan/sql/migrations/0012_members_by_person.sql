-- While the table has no statistics, a look-up by person must not take the index of holders, which began alike.
ALTER TABLE loyalty.member DROP CONSTRAINT member_tenant_programme_holder_key;
ALTER TABLE loyalty.member ADD UNIQUE (tenant, holder, programme);
