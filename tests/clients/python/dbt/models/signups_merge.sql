{{ config(materialized='incremental', incremental_strategy='merge', unique_key='email', on_schema_change='append_new_columns') }}
select email, source, at, clicks from {{ source('crm', 'signup') }}
{% if is_incremental() %} where at > (select max(at) - interval '10 days' from {{ this }}) {% endif %}
