//! Bar charts as SVG: rows of a label, a bar and a figure, one chart below another.
//!
//! ```
//! use tickwire_chart::{Bar, Chart, OURS, svg};
//!
//! let bar = Bar { label: "10 to 20 µs".into(), value: 3.0, figure: "3 messages".into(), color: OURS };
//! let chart = Chart { title: "kernel to user".into(), bars: vec![bar] };
//! assert!(svg(&[chart]).is_ok_and(|text| text.contains("kernel to user")));
//! ```

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::Color as _;
use std::error::Error;

/// Red, green and blue.
pub type Color = (u8, u8, u8);

/// Of what is ours.
pub const OURS: Color = (31, 119, 180);
/// Of what others have.
pub const OTHERS: Color = (230, 150, 60);
/// Of what both are compared with.
pub const FLOOR: Color = (170, 170, 170);

/// Rows under a title. The longest bar takes the width that there is.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What is shown, with its unit.
    pub title: String,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What stands in front.
    pub label: String,
    /// How long it is, beside the others; 0 has no bar.
    pub value: f64,
    /// What stands behind.
    pub figure: String,
    /// The bar's.
    pub color: Color,
}

/// Pixels.
const WIDTH: u32 = 900;
const LABELS: u32 = 270;
const FIGURES: u32 = 130;
const TITLE: u32 = 44;
const ROW: u32 = 28;
const BELOW: u32 = 16;

/// The charts as the text of an SVG file.
///
/// # Errors
/// What the library reports of its drawing.
pub fn svg(charts: &[Chart]) -> Result<String, Box<dyn Error + Send + Sync>> {
    let mut text = String::new();
    let heights: Vec<u32> = charts.iter().map(height).collect();
    let root = SVGBackend::with_string(&mut text, (WIDTH, heights.iter().sum())).into_drawing_area();
    root.fill(&WHITE)?;
    let mut rest = root.clone();
    for (chart, height) in charts.iter().zip(heights) {
        let (area, below) = rest.split_vertically(height);
        draw(chart, &area)?;
        rest = below;
    }
    root.present()?;
    drop((rest, root));
    Ok(text)
}

fn height(chart: &Chart) -> u32 {
    TITLE + ROW * u32::try_from(chart.bars.len()).unwrap_or(u32::MAX / ROW / 2) + BELOW
}

#[expect(clippy::cast_possible_truncation, reason = "pixels are whole, and few")]
fn draw(
    chart: &Chart,
    area: &DrawingArea<SVGBackend<'_>, Shift>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    area.draw(&Text::new(chart.title.as_str(), (12, 14), ("sans-serif", 17)))?;
    let longest = chart.bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let start = LABELS as i32;
    for (bar, top) in chart.bars.iter().zip((TITLE as i32..).step_by(ROW as usize)) {
        let length = bar.value / longest * f64::from(WIDTH - LABELS - FIGURES);
        let end = start + (length as i32).max(1);
        area.draw(&Text::new(bar.label.as_str(), (12, top + 4), ("sans-serif", 15)))?;
        if bar.value > 0.0 {
            let (red, green, blue) = bar.color;
            let corners = [(start, top), (end, top + ROW as i32 - 8)];
            area.draw(&Rectangle::new(corners, RGBColor(red, green, blue).filled()))?;
        }
        area.draw(&Text::new(bar.figure.as_str(), (end + 6, top + 4), ("sans-serif", 15)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values_say_and_charts_stand_below_one_another() {
        let bar =
            |value: f64| Bar { label: format!("l{value}"), value, figure: format!("f{value}"), color: OURS };
        let chart = |title: &str, values: &[f64]| Chart {
            title: title.into(),
            bars: values.iter().map(|value| bar(*value)).collect(),
        };
        let text = svg(&[chart("one <two>", &[1.0, 4.0]), chart("below", &[0.0, 3.0])]).unwrap();
        let attribute = |line: &str, name: &str| -> f64 {
            let (_, rest) = line.split_once(&format!(" {name}=\"")).unwrap();
            rest.split('"').next().unwrap().parse().unwrap()
        };
        let bars: Vec<_> =
            text.lines().filter(|line| line.starts_with("<rect") && line.contains("1F77B4")).collect();
        let widths: Vec<_> = bars.iter().map(|bar| attribute(bar, "width")).collect();
        let tops: Vec<_> = bars.iter().map(|bar| attribute(bar, "y")).collect();
        assert_eq!(widths, [125.0, 500.0, 500.0]);
        assert_eq!(tops, [44.0, 72.0, (44.0 + 56.0 + 16.0) + 72.0]);
        for written in ["one &lt;two&gt;", "below", "l4", "f4", "l0", "f0"] {
            assert!(text.contains(written), "no {written} in {text}");
        }
    }
}
