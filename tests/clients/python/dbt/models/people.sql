{{ config(materialized='table', indexes=[{'columns': ['email'], 'unique': true}]) }}
select id, email, full_name, country, created from {{ source('crm', 'person') }}
