//! Dates of TOML as moments.

use toml_edit::{Datetime, Offset};

/// In seconds since 1970 began, UTC. A date means its beginning in UTC; a time without an offset is none.
pub(super) fn moment(datetime: &Datetime) -> Option<i64> {
    let date = datetime.date?;
    let days = days_since_1970(date.year.into(), date.month.into(), date.day.into());
    let seconds = match (&datetime.time, &datetime.offset) {
        (None, None) => 0,
        (Some(time), Some(offset)) => {
            let minutes = match offset {
                Offset::Z => 0,
                Offset::Custom { minutes } => i64::from(*minutes),
            };
            i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second) - minutes * 60
        }
        (Some(_), None) | (None, Some(_)) => return None,
    };
    Some(days * 86_400 + seconds)
}

/// Of the Gregorian calendar; years are counted from March on, so that a leap day is a year's last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_year = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let before_month = (month * 153 + 2) / 5;
    // The first of March of the year 0 was 719468 days before 1970.
    before_year + before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_moments() {
        for (text, at) in [
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(951_782_400)),
            ("2026-12-31", Some(1_798_675_200)),
            ("2026-12-31T05:30:00+05:30", Some(1_798_675_200)),
            ("2026-12-30T19:00:01.9-05:00", Some(1_798_675_201)),
            ("1969-12-31T23:59:59Z", Some(-1)),
            ("2000-02-29T23:59:59Z", Some(951_868_799)),
            ("2000-03-01T00:00:00Z", Some(951_868_800)),
            ("2026-12-31T13:30:00+01:30", Some(1_798_718_400)),
            ("2100-03-01T00:00:00-00:30", Some(4_107_544_200)),
            ("1900-03-01", Some(-2_203_891_200)),
            ("2026-12-31T00:00:00", None),
            ("12:00:00", None),
            ("00:00:00", None),
        ] {
            assert_eq!(moment(&text.parse().unwrap()), at, "{text}");
        }
    }
}
