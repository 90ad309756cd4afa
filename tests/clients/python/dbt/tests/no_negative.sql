select * from {{ ref('spenders') }} where total < 0
