{{ config(materialized='ephemeral') }}
select person_id, sum(amount) as total, count(*) as purchases from {{ source('crm', 'purchase') }} group by 1
