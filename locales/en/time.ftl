# Dates and durations.

time-short = { $hour }:{ $minute }
time-day = { $day } { $month }, { $hour }:{ $minute }
time-year = { $day } { $month } { $year }, { $hour }:{ $minute }
time-zone = { $time } ({ $zone })
date-day = { $day } { $month }
date-year = { $day } { $month } { $year }
month-year = { $month } { $year }

month-1 = Jan
month-2 = Feb
month-3 = Mar
month-4 = Apr
month-5 = May
month-6 = June
month-7 = July
month-8 = Aug
month-9 = Sept
month-10 = Oct
month-11 = Nov
month-12 = Dec

duration-days = { $n ->
    [one] 1 day
   *[other] { $n } days
}
duration-hours = { $n } h
duration-minutes = { $n } min
duration-seconds = { $n } s
duration-milliseconds = { $n } ms
duration-pair = { $large } { $small }

list-two = { $first } and { $second }
list-comma = { $first }, { $second }
list-more = { $n ->
    [one] { $first } and 1 more
   *[other] { $first } and { $n } more
}
