//! Until when a user may log in: VALID UNTIL, as TOML and as Postgres write it.

use std::time::{Duration, SystemTime};

use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};
use toml_edit::{Datetime, Offset};

/// Reads a text: `infinity`, or a date, a time and an offset as in TOML (`2026-12-31T00:00:00Z`) or as Postgres prints a timestamptz with
/// DateStyle ISO (`2026-12-31 00:00:00+00`). `Some(None)`: without an end; `None`: it is no such text.
pub fn parse(text: &str) -> Option<Option<SystemTime>> {
    match text {
        "infinity" => Some(None),
        "-infinity" => Some(Some(SystemTime::UNIX_EPOCH)),
        _ => {
            // Postgres leaves out minutes of an offset that are 0.
            let short = text.len().checked_sub(3).and_then(|at| text.get(at..)).is_some_and(|end| end.starts_with(['+', '-']));
            let text = if short { format!("{text}:00") } else { text.to_owned() };
            of(&text.parse().ok()?).map(Some)
        }
    }
}

/// A date and time of TOML. One without an offset is none: it would be another moment on each machine.
pub fn of(datetime: &Datetime) -> Option<SystemTime> {
    let (date, time) = (datetime.date?, datetime.time?);
    let minutes = match datetime.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => minutes,
    };
    let day = Date::from_calendar_date(date.year.into(), Month::try_from(date.month).ok()?, date.day).ok()?;
    let time = Time::from_hms_nano(time.hour, time.minute, time.second, time.nanosecond).ok()?;
    let offset = UtcOffset::from_whole_seconds(i32::from(minutes).checked_mul(60)?).ok()?;
    let nanos = PrimitiveDateTime::new(day, time).assume_offset(offset).unix_timestamp_nanos();
    let since = |nanos: u128| {
        let seconds = u64::try_from(nanos.checked_div(1_000_000_000)?).ok()?;
        Some(Duration::new(seconds, u32::try_from(nanos.checked_rem(1_000_000_000)?).ok()?))
    };
    match u128::try_from(nanos) {
        Ok(nanos) => SystemTime::UNIX_EPOCH.checked_add(since(nanos)?),
        Err(_) => SystemTime::UNIX_EPOCH.checked_sub(since(nanos.unsigned_abs())?),
    }
}

/// As RFC 3339 and TOML write it, in UTC.
pub fn show(until: SystemTime) -> String {
    OffsetDateTime::from(until).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_the_same_moment() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(1_798_675_200);
        for text in [
            "2026-12-31T00:00:00Z",
            "2026-12-31 00:00:00+00",
            "2026-12-31 00:00:00+00:00",
            "2026-12-31 05:30:00+05:30",
            "2026-12-30 16:00:00-08",
            "2026-12-30T19:00:00.000-05:00",
        ] {
            assert_eq!(parse(text), Some(Some(moment)), "{text}");
        }
        assert_eq!(show(moment), "2026-12-31T00:00:00Z");
        assert_eq!(parse("infinity"), Some(None));
        assert_eq!(parse("1969-12-31T23:59:59.5Z"), Some(Some(SystemTime::UNIX_EPOCH - Duration::from_millis(500))));
        assert!(parse("-infinity").unwrap().unwrap() < SystemTime::now());
        assert!(parse("0001-01-01 00:00:00+00").unwrap().unwrap() < SystemTime::now());
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in
            ["", "never", "2026-12-31", "2026-12-31T00:00:00", "00:00:00Z", "2026-02-30T00:00:00Z", "10000-01-01 00:00:00+00", "ü00"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
