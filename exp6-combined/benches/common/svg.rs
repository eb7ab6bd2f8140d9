//! Charts, readable on light and on dark pages.

use std::fmt::Write;

/// One colour a runtime, the same in all charts: on white, and on black.
const COLOURS: [(&str, &str, &str); 7] = [
    ("exp6", "#c0392b", "#ff7b6b"),
    ("plain", "#a04000", "#e59866"),
    ("tokio", "#1f5fbf", "#6fa8ff"),
    ("smol", "#1e8449", "#5fd38d"),
    ("compio", "#7d3c98", "#cf9bea"),
    ("monoio", "#b9770e", "#f0b45a"),
    ("bare", "#5d6d7e", "#a9b7c4"),
];

pub(crate) struct Svg {
    body: String,
    width: f64,
    height: f64,
}

impl Svg {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        let body = String::new();
        Self { body, width, height }
    }

    /// `class` is `axis`, or a runtime's name.
    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            self.body,
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        );
    }

    pub(crate) fn dot(&mut self, class: &str, (x, y): (f64, f64), title: &str) {
        let _ = writeln!(
            self.body,
            r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="4"><title>{title}</title></circle>"#
        );
    }

    /// `anchor` is `start`, `middle` or `end`.
    pub(crate) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: &str, text: &str) {
        let _ = writeln!(
            self.body,
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
        );
    }

    pub(crate) fn finish(self, title: &str) -> String {
        let (mut light, mut dark) = (String::new(), String::new());
        for (name, on_light, on_dark) in COLOURS {
            for (style, colour) in [(&mut light, on_light), (&mut dark, on_dark)] {
                let _ = writeln!(style, ".{name} {{ stroke: {colour}; fill: {colour}; }}");
            }
        }
        let Self { body, width, height } = self;
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>{title}</title>
<style>
text {{ font: 12px sans-serif; stroke: none !important; }}
.head {{ font-weight: bold; }}
line {{ stroke-width: 2; }}
line.exp6 {{ stroke-width: 3; }}
line.smol {{ stroke-dasharray: 6 3; }}
line.axis {{ stroke-width: 1; }}
.page {{ fill: #ffffff; }}
.axis {{ stroke: #d0d7de; fill: #424a53; }}
.head {{ fill: #1f2328; }}
.one {{ stroke: #1f2328; }}
{light}@media (prefers-color-scheme: dark) {{
.page {{ fill: #0d1117; }}
.axis {{ stroke: #30363d; fill: #adb6c0; }}
.head {{ fill: #e6edf3; }}
.one {{ stroke: #e6edf3; }}
{dark}}}
</style>
<rect class="page" width="{width}" height="{height}"/>
{body}</svg>
"#
        )
    }
}
