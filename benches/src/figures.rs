//! Medians, and ratios with their spread over the rounds.

/// The middle value; the mean of both where there are two. 0 where there is none.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Between the two nearest values, in proportion.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "a few thousand values")]
    let place = q * sorted.len().saturating_sub(1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of values")]
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(low), sorted.get(high)) {
        (Some(low), Some(high)) => low + (high - low) * place.fract(),
        _ => 0.0,
    }
}

/// A figure of each round.
#[derive(Debug, Clone)]
pub struct Spread(Vec<f64>);

impl Spread {
    /// Of the rounds' figures.
    pub fn new(rounds: Vec<f64>) -> Self {
        Spread(rounds)
    }

    /// One figure divided by another of the same round.
    pub fn ratios(of: &[f64], to: &[f64]) -> Self {
        Spread(of.iter().zip(to).map(|(of, to)| of / to).collect())
    }

    /// One figure less another of the same round.
    pub fn differences(of: &[f64], to: &[f64]) -> Self {
        Spread(of.iter().zip(to).map(|(of, to)| of - to).collect())
    }

    /// Of all rounds.
    pub fn median(&self) -> f64 {
        median(&self.0)
    }

    /// Whether the goal is reached: `yes` or `no` where all rounds say so, else only by the median.
    pub fn reaches(&self, goal: f64) -> &'static str {
        let (low, high) = (quantile(&self.0, 0.0), quantile(&self.0, 1.0));
        match self.median() >= goal {
            true if low >= goal => "yes",
            true => "yes?",
            false if high < goal => "no",
            false => "no?",
        }
    }

    /// The same for a goal that is not to be passed.
    pub fn keeps_to(&self, goal: f64) -> &'static str {
        Spread(self.0.iter().map(|figure| -figure).collect()).reaches(-goal)
    }

    /// `0.85 (0.83–0.90)`: median, least, most.
    pub fn show(&self, decimals: usize) -> String {
        let (low, high) = (quantile(&self.0, 0.0), quantile(&self.0, 1.0));
        format!("{:.decimals$} ({low:.decimals$}–{high:.decimals$})", self.median())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0]), 1.5);
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.99), 4.96);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn a_goal_is_surely_reached_only_in_all_rounds() {
        let spread = Spread::new(vec![1.0, 2.0, 3.0]);
        assert_eq!([0.5, 1.5, 2.5, 3.5].map(|goal| spread.reaches(goal)), ["yes", "yes?", "no?", "no"]);
        assert_eq!([0.5, 1.5, 2.5, 3.5].map(|goal| spread.keeps_to(goal)), ["no", "no?", "yes?", "yes"]);
    }

    #[test]
    fn ratios_are_of_one_round() {
        assert_eq!(Spread::ratios(&[1.0, 4.0, 9.0], &[2.0, 4.0, 6.0]).show(2), "1.00 (0.50–1.50)");
    }
}
