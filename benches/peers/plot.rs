//! Results as bar charts.

use crate::Outcome;
use crate::arm::Checks;
use crate::table::Table;
use std::path::Path;
use tickwire_chart::{Bar, Chart, Color, FLOOR, OTHERS, OURS, svg};

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

fn color(arm: &str, checks: Checks) -> Color {
    match checks {
        Checks::Floor | Checks::FloorUtf8 => FLOOR,
        _ if arm.starts_with("tickwire") => OURS,
        _ => OTHERS,
    }
}

/// One chart of the table's first column.
pub(crate) fn draw(table: &Table, folder: &Path) -> Outcome<()> {
    let bars = table.rows.iter().filter_map(|row| {
        let value = row.values[0]?;
        let figure = if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") };
        let label = format!("{}{}", row.arm, row.checks.mark());
        Some(Bar { label, value, figure, color: color(&row.arm, row.checks) })
    });
    let title = format!("{}: {} ({})", table.mode, table.workload, table.columns[0]);
    std::fs::write(folder.join(file_name(table)), svg(&[Chart { title, bars: bars.collect() }])?)?;
    Ok(())
}
