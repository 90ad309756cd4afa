{{ config(materialized='table') }}
select id, name from {{ source('crm', 'company') }}
