{{ config(materialized='table') }}
select p.email, t.total, rank() over (order by t.total desc) as place from {{ ref('people') }} p join {{ ref('totals') }} t on t.person_id = p.id
