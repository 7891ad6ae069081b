//! Instants as text. On the wire they are whole seconds since the Unix epoch; pages show them in UTC and say so.

/// `2026-11-22 21:30 UTC`.
pub fn readable(unix_seconds: i64) -> String {
    let (year, month, day) = civil_date(unix_seconds.div_euclid(86_400));
    let minutes = unix_seconds.rem_euclid(86_400) / 60;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

/// `2026-11-22`.
pub fn date(unix_seconds: i64) -> String {
    let (year, month, day) = civil_date(unix_seconds.div_euclid(86_400));
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-11-22T21:30:05Z`, for `<time datetime>`.
pub fn machine_readable(unix_seconds: i64) -> String {
    let second = unix_seconds.rem_euclid(86_400);
    format!("{}T{:02}:{:02}:{:02}Z", date(unix_seconds), second / 3600, second / 60 % 60, second % 60)
}

/// How long ago `at` is, or how long until then; `None` for more than a week.
pub fn relative(at: i64, now: i64) -> Option<String> {
    let seconds = (now - at).abs();
    let span = match seconds {
        0..60 => return Some(if at <= now { "just now" } else { "in a moment" }.to_owned()),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        86_400..172_800 => "1 day".to_owned(),
        172_800..604_800 => format!("{} days", seconds / 86_400),
        _ => return None,
    };
    Some(if at <= now { format!("{span} ago") } else { format!("in {span}") })
}

/// `22 Nov, 21:30`, and with the year if it is not the one of `now`.
pub fn day_and_time(at: i64, now: i64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = civil_date(at.div_euclid(86_400));
    let month = usize::try_from(month - 1).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"");
    let this_year = civil_date(now.div_euclid(86_400)).0 == year;
    let year = if this_year { String::new() } else { format!(" {year:04}") };
    let minutes = at.rem_euclid(86_400) / 60;
    format!("{day} {month}{year}, {:02}:{:02}", minutes / 60, minutes % 60)
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
///
/// A 400-year era has 146,097 days. Counting from 1 March puts the leap day last, so a month's start follows from
/// its number alone: five months from March (and again from August) have 153 days.
fn civil_date(days_since_epoch: i64) -> (i64, i64, i64) {
    const DAYS_PER_ERA: i64 = 146_097;
    const MARCH_0000_TO_EPOCH: i64 = 719_468;
    let days = days_since_epoch.saturating_add(MARCH_0000_TO_EPOCH);
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        assert_eq!(readable(0), "1970-01-01 00:00 UTC");
        assert_eq!(readable(1_795_383_000), "2026-11-22 21:30 UTC");
        assert_eq!(readable(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(readable(4_107_542_400), "2100-03-01 00:00 UTC");
        assert_eq!(readable(-1), "1969-12-31 23:59 UTC");
        assert_eq!(machine_readable(1_795_383_005), "2026-11-22T21:30:05Z");
    }

    #[test]
    fn what_is_near_is_told_by_its_distance() {
        let at = |ago: i64| relative(1_000_000_000 - ago, 1_000_000_000);
        assert_eq!(at(59).as_deref(), Some("just now"));
        assert_eq!(at(60).as_deref(), Some("1 min ago"));
        assert_eq!(at(7_300).as_deref(), Some("2 h ago"));
        assert_eq!(at(100_000).as_deref(), Some("1 day ago"));
        assert_eq!(at(-200_000).as_deref(), Some("in 2 days"));
        assert_eq!(at(604_800), None);
    }

    #[test]
    fn the_year_is_named_only_if_it_is_another() {
        assert_eq!(day_and_time(1_795_383_000, 1_795_383_000), "22 Nov, 21:30");
        assert_eq!(day_and_time(951_782_400, 1_795_383_000), "29 Feb 2000, 00:00");
    }

    #[test]
    fn every_day_of_two_centuries_follows_the_one_before() {
        let length = |year: i64, month: i64| match month {
            2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let mut before = civil_date(-36_525);
        for day in -36_524..73_050 {
            let now = civil_date(day);
            let (year, month, day) = before;
            let expected = if day < length(year, month) {
                (year, month, day + 1)
            } else if month < 12 {
                (year, month + 1, 1)
            } else {
                (year + 1, 1, 1)
            };
            assert_eq!(now, expected);
            before = now;
        }
    }

    #[test]
    fn the_ends_of_the_range_do_not_panic() {
        readable(i64::MAX);
        readable(i64::MIN);
    }
}
