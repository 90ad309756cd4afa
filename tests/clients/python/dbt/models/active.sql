{{ config(materialized='view') }}
select p.id, p.email, c.name as company, w.weight
from {{ source('crm', 'person') }} p
join {{ source('crm', 'company') }} c on c.id = p.company_id
left join {{ ref('weights') }} w on w.country = p.country
where p.active
