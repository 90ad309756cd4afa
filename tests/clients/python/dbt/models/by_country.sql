{{ config(materialized='incremental', unique_key=['country', 'mood'], incremental_strategy='delete+insert') }}
select country, mood, count(*) as people, max(created) as latest from {{ source('crm', 'person') }} group by 1, 2
