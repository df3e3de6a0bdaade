//! Results as bar charts.

use crate::Outcome;
use crate::arm::Checks;
use crate::table::Table;
use plotters::prelude::*;
use std::path::Path;

const BAR: u32 = 28;
const LABELS: u32 = 270;

/// The file's name: the workload's, as a path can bear it.
fn file_name(table: &Table) -> String {
    let mut name = String::new();
    for c in format!("{} {}", table.mode, table.workload).chars() {
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            'A'..='Z' => name.push(c.to_ascii_lowercase()),
            _ if !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    format!("{}.svg", name.trim_matches('-'))
}

fn color(arm: &str, checks: Checks) -> RGBColor {
    match checks {
        Checks::Floor | Checks::FloorUtf8 => RGBColor(170, 170, 170),
        _ if arm.starts_with("tickwire") => RGBColor(31, 119, 180),
        _ => RGBColor(230, 150, 60),
    }
}

/// One chart of the table's first column.
#[expect(clippy::cast_possible_truncation, reason = "a table has a dozen rows, and pixels are whole")]
pub(crate) fn draw(table: &Table, folder: &Path) -> Outcome<()> {
    let path = folder.join(file_name(table));
    let (width, height) = (900, BAR * table.rows.len() as u32 + 60);
    let root = SVGBackend::new(&path, (width, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let title = format!("{}: {} ({})", table.mode, table.workload, table.columns[0]);
    root.draw(&Text::new(title, (12, 14), ("sans-serif", 17)))?;
    let longest = table.rows.iter().filter_map(|row| row.values[0]).fold(f64::MIN_POSITIVE, f64::max);
    for (index, row) in table.rows.iter().enumerate() {
        let Some(value) = row.values[0] else { continue };
        let top = (44 + index as u32 * BAR) as i32;
        let start = LABELS as i32;
        let length = value / longest * f64::from(width - LABELS - 90);
        let end = start + (length as i32).max(1);
        let label = format!("{}{}", row.arm, row.checks.mark());
        root.draw(&Text::new(label, (12, top + 4), ("sans-serif", 15)))?;
        let style = color(&row.arm, row.checks).filled();
        root.draw(&Rectangle::new([(start, top), (end, top + BAR as i32 - 8)], style))?;
        let figure = if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") };
        root.draw(&Text::new(figure, (end + 6, top + 4), ("sans-serif", 15)))?;
    }
    root.present()?;
    Ok(())
}
