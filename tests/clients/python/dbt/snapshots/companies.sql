{% snapshot companies %}
{{ config(target_schema='adhoc', unique_key='id', strategy='check', check_cols=['name', 'rebate']) }}
select id, name, country, rebate from {{ source('crm', 'company') }}
{% endsnapshot %}
{% snapshot person_history %}
{{ config(target_schema='adhoc', unique_key='id', strategy='timestamp', updated_at='created') }}
select id, email, country, created from {{ source('crm', 'person') }}
{% endsnapshot %}
