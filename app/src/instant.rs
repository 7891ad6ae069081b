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
