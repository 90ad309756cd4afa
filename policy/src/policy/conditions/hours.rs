//! Hours of the week, by the clock on the wall of a time zone.
//!
//! An hour that a clock shows twice, when it is put back, counts both times; one that is left out when it is put forward never comes.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

/// The days, Monday first.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Seconds of a day.
pub const DAY: u32 = 86_400;

/// Some hours of some days.
#[derive(Debug, Clone, PartialEq)]
pub struct Hours {
    /// Those on which they begin, Monday first.
    pub(super) days: [bool; 7],
    /// The second of the day from which on they are.
    pub(super) from: u32,
    /// The first second at which they are not any more, up to [`DAY`]; not after `from`: of the day after.
    pub(super) to: u32,
    pub(super) zone: Zone,
}

/// A time zone, as the policy names it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// `Europe/Berlin`, `+02:00`.
    pub(super) fn parse(name: &str) -> Option<Zone> {
        let zone = match name.strip_prefix('+').map(|rest| (1, rest)).or_else(|| name.strip_prefix('-').map(|rest| (-1, rest))) {
            Some((sign, rest)) => {
                let seconds = i32::try_from(time(rest).filter(|_| rest.len() == 5)?).ok()?;
                TimeZone::fixed(Offset::from_seconds(sign * seconds).ok()?)
            }
            None => TimeZoneDatabase::bundled().get(name).ok()?,
        };
        (!zone.is_unknown()).then(|| Zone { name: name.to_owned(), zone })
    }

    pub(super) fn utc() -> Zone {
        Zone { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    fn shows(&self, at: Timestamp) -> DateTime {
        self.zone.to_datetime(at)
    }

    /// All that are known by name.
    pub(super) fn names() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
    }
}

/// `08:00` or `08:00:30` as a second of the day; `24:00` is its end.
pub(super) fn time(text: &str) -> Option<u32> {
    let two = |part: &str| part.parse::<u32>().ok().filter(|_| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()));
    let mut parts = text.split(':').map(two);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let whole = hour * 3600 + minute * 60 + second;
    (parts.next().is_none() && minute < 60 && second < 60 && whole <= DAY).then_some(whole)
}

impl Hours {
    /// Where a moment, in seconds since 1970 began, is in them: the first one at which it has to be asked again. They end then, or the
    /// zone's clocks are set.
    pub fn until(&self, now: i64) -> Option<i64> {
        let at = Timestamp::from_second(now).ok()?;
        let left = self.left(self.zone.shows(at))?;
        let end = now.checked_add(left.into())?;
        let set = self.zone.zone.following(at).next().map(|transition| transition.timestamp().as_second());
        Some(set.map_or(end, |set| set.min(end)))
    }

    /// For how many seconds they are still, where they are when the clock shows that.
    fn left(&self, clock: DateTime) -> Option<u32> {
        let second = second_of(clock);
        let weekday = usize::from(clock.weekday().to_monday_zero_offset().unsigned_abs());
        let begin = |day: usize| self.days.get(day % 7).copied().unwrap_or(false);
        let (today, yesterday) = (begin(weekday), begin(weekday + 6));
        if self.from < self.to {
            return (today && (self.from..self.to).contains(&second)).then(|| self.to - second);
        }
        match second {
            _ if today && second >= self.from => Some(DAY - second + self.to),
            _ if yesterday && second < self.to => Some(self.to - second),
            _ => None,
        }
    }

    /// What the clock shows, in words.
    pub(super) fn clock(&self, now: i64) -> String {
        let Ok(at) = Timestamp::from_second(now) else { return "a time that nobody knows".to_owned() };
        let shows = self.zone.shows(at);
        let day = DAYS.get(usize::from(shows.weekday().to_monday_zero_offset().unsigned_abs())).copied().unwrap_or_default();
        format!("{day} {} in {}", written(second_of(shows)), self.zone.name)
    }

    /// The hours of the week, in its seconds, the first and the last of each; what goes beyond Sunday is of Monday.
    pub fn week(&self) -> Vec<(u32, u32)> {
        let mut out = Vec::new();
        for start in (0_u32..7).zip(self.days).filter(|(_, is)| *is).map(|(day, _)| day * DAY + self.from) {
            let length = if self.from < self.to { self.to - self.from } else { DAY - self.from + self.to };
            let last = start + length - 1;
            let end_of_week = 7 * DAY - 1;
            out.push((start, last.min(end_of_week)));
            if last > end_of_week {
                out.push((0, last - end_of_week - 1));
            }
        }
        out
    }

    /// Whether they are by the same clock.
    pub fn is_by_the_clock_of(&self, other: &Hours) -> bool {
        self.zone.zone == other.zone.zone
    }
}

fn second_of(clock: DateTime) -> u32 {
    let of = |part: i8| u32::from(part.unsigned_abs());
    of(clock.hour()) * 3600 + of(clock.minute()) * 60 + of(clock.second())
}

/// `08:00`, and seconds where there are any.
fn written(second: u32) -> String {
    let short = format!("{:02}:{:02}", second / 3600, second / 60 % 60);
    if second.is_multiple_of(60) { short } else { format!("{short}:{:02}", second % 60) }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<&str> = DAYS.into_iter().zip(self.days).filter(|(_, is)| *is).map(|(day, _)| day).collect();
        let days = if days.len() == 7 { "all days".to_owned() } else { days.join(", ") };
        write!(f, "{days} from {} to {} in {}", written(self.from), written(self.to), self.zone.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(days: &[usize], from: &str, to: &str, zone: &str) -> Hours {
        let mut on = [days.is_empty(); 7];
        days.iter().for_each(|day| on[*day] = true);
        Hours { days: on, from: time(from).unwrap(), to: time(to).unwrap(), zone: Zone::parse(zone).unwrap() }
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    #[track_caller]
    fn is(hours: &Hours, now: &str, until: Option<&str>) {
        assert_eq!(hours.until(at(now)), until.map(at), "{hours} at {now}");
    }

    #[test]
    fn from_is_in_and_to_is_not() {
        // Monday, the second of November 2026.
        let office = hours(&[0, 1, 2, 3, 4], "08:00", "18:00", "Europe/Berlin");
        is(&office, "2026-11-02T06:59:59Z", None);
        is(&office, "2026-11-02T07:00:00Z", Some("2026-11-02T17:00:00Z"));
        is(&office, "2026-11-02T16:59:59Z", Some("2026-11-02T17:00:00Z"));
        is(&office, "2026-11-02T17:00:00Z", None);
        is(&office, "2026-11-06T12:00:00Z", Some("2026-11-06T17:00:00Z"));
        is(&office, "2026-11-07T12:00:00Z", None);
        is(&office, "2026-11-08T12:00:00Z", None);
        // Summer time.
        is(&office, "2026-07-06T06:00:00Z", Some("2026-07-06T16:00:00Z"));
        is(&office, "2026-07-06T16:00:00Z", None);
        let fixed = hours(&[0], "00:00", "24:00", "-05:30");
        is(&fixed, "2026-11-02T05:29:59Z", None);
        is(&fixed, "2026-11-02T05:30:00Z", Some("2026-11-03T05:30:00Z"));
        is(&fixed, "2026-11-03T05:30:00Z", None);
    }

    #[test]
    fn over_midnight_belongs_to_the_day_on_which_it_begins() {
        let night = hours(&[4], "22:00", "06:00:30", "UTC");
        is(&night, "2026-11-06T05:00:00Z", None);
        is(&night, "2026-11-06T21:59:59Z", None);
        is(&night, "2026-11-06T22:00:00Z", Some("2026-11-07T06:00:30Z"));
        is(&night, "2026-11-06T23:59:59Z", Some("2026-11-07T06:00:30Z"));
        is(&night, "2026-11-07T00:00:00Z", Some("2026-11-07T06:00:30Z"));
        is(&night, "2026-11-07T06:00:30Z", None);
        is(&night, "2026-11-07T22:00:00Z", None);
        let sunday = hours(&[6], "22:00", "06:00", "UTC");
        is(&sunday, "2026-11-02T05:59:59Z", Some("2026-11-02T06:00:00Z"));
        is(&sunday, "2026-11-08T23:00:00Z", Some("2026-11-09T06:00:00Z"));
        assert_eq!(sunday.week(), [(6 * DAY + 22 * 3600, 7 * DAY - 1), (0, 6 * 3600 - 1)]);
        let to_midnight = hours(&[6], "22:00", "00:00", "UTC");
        is(&to_midnight, "2026-11-08T23:00:00Z", Some("2026-11-09T00:00:00Z"));
        is(&to_midnight, "2026-11-09T00:00:00Z", None);
        assert_eq!(to_midnight.week(), [(6 * DAY + 22 * 3600, 7 * DAY - 1)]);
    }

    #[test]
    fn clocks_are_set() {
        // Forward at 01:00 UTC on 29 March: 02:00 to 03:00 is not there.
        let gone = hours(&[], "02:00", "03:00", "Europe/Berlin");
        for minute in ["00:30", "00:59", "01:00", "01:30", "02:00"] {
            is(&gone, &format!("2026-03-29T{minute}:00Z"), None);
        }
        let across = hours(&[], "01:00", "04:00", "Europe/Berlin");
        is(&across, "2026-03-29T00:30:00Z", Some("2026-03-29T01:00:00Z"));
        is(&across, "2026-03-29T01:00:00Z", Some("2026-03-29T02:00:00Z"));
        is(&across, "2026-03-29T02:00:00Z", None);
        // To an hour that is not there: it ends when the clock is put forward.
        let into = hours(&[], "01:00", "02:30", "Europe/Berlin");
        is(&into, "2026-03-29T00:30:00Z", Some("2026-03-29T01:00:00Z"));
        is(&into, "2026-03-29T01:00:00Z", None);
        // Back at 01:00 UTC on 25 October: 02:00 to 03:00 is there twice.
        let twice = hours(&[], "02:15", "02:45", "Europe/Berlin");
        is(&twice, "2026-10-25T00:15:00Z", Some("2026-10-25T00:45:00Z"));
        is(&twice, "2026-10-25T00:45:00Z", None);
        is(&twice, "2026-10-25T01:14:59Z", None);
        is(&twice, "2026-10-25T01:15:00Z", Some("2026-10-25T01:45:00Z"));
        is(&twice, "2026-10-25T01:45:00Z", None);
        let morning = hours(&[], "00:00", "02:30", "Europe/Berlin");
        is(&morning, "2026-10-25T00:10:00Z", Some("2026-10-25T00:30:00Z"));
        is(&morning, "2026-10-25T00:30:00Z", None);
        is(&morning, "2026-10-25T01:00:00Z", Some("2026-10-25T01:30:00Z"));
        // The day of the clock, not of UTC: 01:00 on Monday is Sunday's 17:00 in Los Angeles.
        let sunday = hours(&[6], "08:00", "18:00", "America/Los_Angeles");
        is(&sunday, "2026-11-02T01:00:00Z", Some("2026-11-02T02:00:00Z"));
    }

    #[test]
    fn every_second_of_a_week_is_as_its_week_says() {
        let all = [
            hours(&[0, 2, 6], "22:30", "06:00", "Asia/Kathmandu"),
            hours(&[1, 5], "00:00", "24:00", "UTC"),
            hours(&[], "08:00", "08:00:01", "+14:00"),
        ];
        for hours in all {
            let offset = hours.zone.shows(Timestamp::UNIX_EPOCH);
            // Days 0 of the week are Mondays; 1970 began on a Thursday.
            let east = i64::from(second_of(offset)) - if offset.year() < 1970 { i64::from(DAY) } else { 0 };
            for now in (at("2026-11-02T00:00:00Z")..at("2026-11-09T00:00:00Z")).step_by(599) {
                let shift = if hours.zone.name == "Asia/Kathmandu" { 20_700 } else { east };
                let of_week = u32::try_from((now + shift + 3 * i64::from(DAY)).rem_euclid(7 * i64::from(DAY))).unwrap();
                let expected = hours.week().iter().any(|(first, last)| (*first..=*last).contains(&of_week));
                assert_eq!(hours.until(now).is_some(), expected, "{hours} at {now}");
            }
        }
    }

    #[test]
    fn times_and_zones_are_read() {
        for (text, second) in [("00:00", 0), ("08:30", 30_600), ("23:59:59", 86_399), ("24:00", DAY), ("24:00:00", DAY)] {
            assert_eq!(time(text), Some(second), "{text}");
        }
        for wrong in ["", "8:00", "08", "08:60", "08:00:60", "24:01", "25:00", "08:00:00:00", "+8:00", "08:00 ", "08h00", "0８:00"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
        for name in ["UTC", "Europe/Berlin", "America/New_York", "+02:00", "-05:30", "+00:00"] {
            assert!(Zone::parse(name).is_some(), "{name}");
        }
        for wrong in ["", "Berlin", "Europe/Berlim", "+2:00", "+02:00:00", "02:00", "Etc/Unknown", "../UTC", "CET-1CEST"] {
            assert!(Zone::parse(wrong).is_none(), "{wrong}");
        }
    }
}
