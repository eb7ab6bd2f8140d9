//! The ratios as a picture.

use crate::common::svg::Svg;
use crate::pairs::{Contestant, Row};

/// The ratios at the ends of the scale, as powers of two.
const SCALE: (i32, i32) = (-3, 6);
const LEFT: f64 = 110.0;
const WIDTH: f64 = 640.0;
const TOP: f64 = 60.0;
const HEIGHT: f64 = 24.0;

/// A row a workload, a dot a peer.
pub(crate) fn chart(rows: &[Row], contestants: &[Contestant]) -> String {
    let bottom = TOP + rows.len() as f64 * HEIGHT;
    let mut svg = Svg::new(LEFT + WIDTH + 40.0, bottom + 50.0);
    let x = |ratio: f64| LEFT + WIDTH * (ratio.log2() - f64::from(SCALE.0)) / f64::from(SCALE.1 - SCALE.0);
    for power in SCALE.0..=SCALE.1 {
        let ratio = 2_f64.powi(power);
        let class = if power == 0 { "one" } else { "axis" };
        svg.line(class, (x(ratio), TOP), (x(ratio), bottom));
        svg.text("axis", (x(ratio), bottom + 16.0), "middle", &format!("{ratio}"));
    }
    let caption = format!("time or memory, as multiple of {}'s", contestants[0].name);
    svg.text("axis", (LEFT + WIDTH / 2.0, bottom + 36.0), "middle", &caption);
    for (place, (work, ratios)) in rows.iter().enumerate() {
        let y = TOP + (place as f64 + 0.5) * HEIGHT;
        svg.text("head", (LEFT - 12.0, y + 4.0), "end", work.name());
        for (name, ratio) in ratios {
            let shown = ratio.clamp(2_f64.powi(SCALE.0), 2_f64.powi(SCALE.1));
            let title = format!("{}, {name}: {ratio:.2}", work.name());
            svg.dot(name, (x(shown), y), &title);
        }
    }
    for (place, contestant) in contestants.iter().skip(1).enumerate() {
        let at = (LEFT + place as f64 * 90.0, 30.0);
        svg.dot(contestant.name, at, contestant.name);
        svg.text(contestant.name, (at.0 + 12.0, at.1 + 4.0), "start", contestant.name);
    }
    svg.finish("exp6 beside its peers")
}
