{{ config(materialized='materialized_view') }}
select country, count(*) as companies from {{ source('crm', 'company') }} group by country
