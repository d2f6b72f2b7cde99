# 日期与时长。

time-short = { $hour }:{ $minute }
time-day = { $month }{ $day }日 { $hour }:{ $minute }
time-year = { $year }年{ $month }{ $day }日 { $hour }:{ $minute }
time-zone = { $time }（{ $zone }）
date-day = { $month }{ $day }日
date-year = { $year }年{ $month }{ $day }日
month-year = { $year }年{ $month }

month-1 = 1月
month-2 = 2月
month-3 = 3月
month-4 = 4月
month-5 = 5月
month-6 = 6月
month-7 = 7月
month-8 = 8月
month-9 = 9月
month-10 = 10月
month-11 = 11月
month-12 = 12月

duration-days = { $n } 天
duration-hours = { $n } 小时
duration-minutes = { $n } 分钟
duration-seconds = { $n } 秒
duration-milliseconds = { $n } 毫秒
duration-pair = { $large } { $small }

list-two = { $first }和{ $second }
list-comma = { $first }、{ $second }
list-more = { $first }等 { $total } 项
