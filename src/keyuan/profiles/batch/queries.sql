-- traits --
-- One row per person with any fact before as_of; the columns after `person` stand in the order of the catalogue.
-- Decimals are whole ten-thousandths. DuckDB compares text by bytes, which is code-point order.
WITH day AS (
  SELECT 86400000000::BIGINT AS us
), known AS (
  SELECT person, seq, at_us, total_minor, discount_minor, store
    FROM orders
   WHERE at_us < $as_of_us
 QUALIFY order_id IS NULL OR row_number() OVER (PARTITION BY person, order_id ORDER BY seq) = 1
), bought AS (
  SELECT person,
         count(*) AS orders,
         count(*) FILTER (at_us >= $as_of_us - 90 * day.us) AS orders_90d,
         count(*) FILTER (at_us >= $as_of_us - 30 * day.us) AS orders_30d,
         sum(total_minor) AS spend,
         coalesce(sum(total_minor) FILTER (at_us >= $as_of_us - 90 * day.us), 0) AS spend_90d,
         sum(discount_minor) AS discount,
         ($as_of_us - max(at_us)) // any_value(day.us) AS recency_days,
         ($as_of_us - min(at_us)) // any_value(day.us) AS first_order_days
    FROM known, day
   GROUP BY person
), bought_lines AS (
  SELECT k.person, l.category, count(*) AS lines, sum(l.total_minor) AS spend
    FROM lines AS l
    JOIN known AS k ON k.seq = l.seq
   GROUP BY k.person, l.category
), line_counts AS (
  SELECT person, sum(lines) AS lines FROM bought_lines GROUP BY person
), liked AS (
  SELECT person, list(category ORDER BY spend DESC, category)[1:3] AS categories
    FROM bought_lines
   WHERE category IS NOT NULL
   GROUP BY person
), weekdays AS (
  SELECT person, isodow(make_timestamp(at_us)) AS weekday
    FROM known
   GROUP BY person, weekday
 QUALIFY row_number() OVER (PARTITION BY person ORDER BY count(*) DESC, weekday) = 1
), hours AS (
  SELECT person, hour(make_timestamp(at_us)) AS hour
    FROM known
   GROUP BY person, hour
 QUALIFY row_number() OVER (PARTITION BY person ORDER BY count(*) DESC, hour) = 1
), stores AS (
  SELECT person, store
    FROM known
   WHERE store IS NOT NULL
   GROUP BY person, store
 QUALIFY row_number() OVER (PARTITION BY person ORDER BY count(*) DESC, store) = 1
), redeemed AS (
  SELECT person, count(*) AS times FROM coupons WHERE at_us < $as_of_us GROUP BY person
), received AS (
  SELECT person, count(*) AS times FROM sends WHERE at_us < $as_of_us GROUP BY person
), latest AS (
  SELECT person, name, value
    FROM declared
   WHERE at_us < $as_of_us
 QUALIFY row_number() OVER (PARTITION BY person, name ORDER BY at_us DESC, seq DESC) = 1
), said AS (
  SELECT person,
         max(value) FILTER (name = 'age') AS age,
         max(value) FILTER (name = 'income') AS income,
         max(value) FILTER (name = 'home_ownership') AS home_ownership,
         max(value) FILTER (name = 'marital_status') AS marital_status,
         max(value) FILTER (name = 'household_size') AS household_size,
         max(value) FILTER (name = 'household_comp') AS household_comp,
         max(value) FILTER (name = 'kids_count') AS kids_count
    FROM latest
   GROUP BY person
), everybody AS (
  SELECT person FROM bought
  UNION SELECT person FROM redeemed
  UNION SELECT person FROM received
  UNION SELECT person FROM said
)
SELECT e.person,
       b.recency_days,
       coalesce(b.orders, 0),
       coalesce(b.orders_90d, 0),
       coalesce(b.orders_30d, 0),
       coalesce(b.spend, 0),
       coalesce(b.spend_90d, 0),
       b.spend // b.orders,
       (20000 * coalesce(l.lines, 0) + b.orders) // (2 * b.orders),
       coalesce(c.categories, []),
       w.weekday,
       h.hour,
       s.store,
       CASE WHEN b.spend + b.discount > 0
            THEN (20000 * b.discount + b.spend + b.discount) // (2 * (b.spend + b.discount)) END,
       coalesce(r.times, 0),
       coalesce(v.times, 0),
       b.first_order_days,
       d.age, d.income, d.home_ownership, d.marital_status, d.household_size, d.household_comp, d.kids_count
  FROM everybody AS e
  LEFT JOIN bought AS b ON b.person = e.person
  LEFT JOIN line_counts AS l ON l.person = e.person
  LEFT JOIN liked AS c ON c.person = e.person
  LEFT JOIN weekdays AS w ON w.person = e.person
  LEFT JOIN hours AS h ON h.person = e.person
  LEFT JOIN stores AS s ON s.person = e.person
  LEFT JOIN redeemed AS r ON r.person = e.person
  LEFT JOIN received AS v ON v.person = e.person
  LEFT JOIN said AS d ON d.person = e.person
 ORDER BY e.person
