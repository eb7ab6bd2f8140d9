//! The pictures fit the steps, and their text fits in.

use super::parts::Rect;
use super::*;
use crate::tree::Tree;

/// The widths of letters in hundredths of the font's size, in DejaVu Sans, which is wider than most fonts. All others are 64.
const WIDTHS: [(&str, i32); 7] = [
    ("ijl'", 28),
    (" ,.:;", 34),
    ("ft()-r", 41),
    ("sz", 53),
    ("ckvxy", 59),
    ("ABDGHJKNOPQRUVXYw", 80),
    ("mMW", 98),
];

/// An estimate.
fn width(line: &str, size: i32) -> i32 {
    let of = |letter: char| {
        WIDTHS
            .iter()
            .find(|(letters, _)| letters.contains(letter))
            .map_or(64, |(_, width)| *width)
    };
    let (bold, rest) = line.split_once('|').unwrap_or(("", line));
    let (bold, rest): (i32, i32) = (bold.chars().map(of).sum(), rest.chars().map(of).sum());
    (bold * 112 / 100 + rest) * size / 100
}

/// A box of a step's picture: the part, its rectangle, and where its text is.
fn boxes(step: &Step) -> Vec<(&'static str, Rect, Vec<Rect>)> {
    let mut boxes = Vec::new();
    for part in &PARTS {
        if let Some(Shape::Box { rect, text, lines, .. }) = part.form(step).map(|form| &form.shape) {
            let lines = lines.iter().zip(0..).map(|(line, number)| {
                let (x, y) = (text.0, text.1 + LINE * number);
                (x, y - 12, x + width(line, 15), y + 4)
            });
            boxes.push((part.id, *rect, lines.collect()));
        }
    }
    boxes
}

fn is_within(inner: Rect, outer: Rect) -> bool {
    inner.0 >= outer.0 && inner.1 >= outer.1 && inner.2 <= outer.2 && inner.3 <= outer.3
}

fn meet(one: Rect, other: Rect) -> bool {
    one.0 < other.2 && other.0 < one.2 && one.1 < other.3 && other.1 < one.3
}

fn is_on_edge((x, y): Point, (left, top, right, bottom): Rect) -> bool {
    let is_beside = (x == left || x == right) && (top..=bottom).contains(&y);
    let is_above = (y == top || y == bottom) && (left..=right).contains(&x);
    is_beside || is_above
}

/// Whether a path leads through a point.
fn leads_through(path: &[Point], (x, y): Point) -> bool {
    path.windows(2).any(|ends| {
        let [(x1, y1), (x2, y2)] = [ends[0], ends[1]];
        (x1.min(x2)..=x1.max(x2)).contains(&x) && (y1.min(y2)..=y1.max(y2)).contains(&y)
    })
}

/// The parts that have this mark, in the order of the list.
fn marked(number: usize, mark: Mark) -> Vec<&'static str> {
    let step = &STEPS[number - 1];
    let parts = PARTS
        .iter()
        .filter(|part| part.form(step).is_some() && part.mark(step) == mark);
    parts.map(|part| part.id).collect()
}

#[test]
fn what_is_new_is_the_step_s_idea() {
    assert_eq!(marked(1, Mark::New), [""; 0]);
    assert_eq!(
        marked(3, Mark::New),
        ["supervise", "join-handle", "result", "wake-by-result"]
    );
    assert_eq!(marked(4, Mark::New), ["pool", "job"]);
    assert_eq!(marked(5, Mark::New), ["sources", "report", "look", "wake-by-sources"]);
    assert_eq!(marked(6, Mark::New), ["self-socket", "readable"]);
    assert_eq!(
        marked(2, Mark::Changed),
        ["again", "take", "then-poll", "poll", "queue", "back"]
    );
    assert_eq!(marked(3, Mark::Changed), [""; 0]);
    assert_eq!(marked(4, Mark::Changed), [""; 0]);
    assert_eq!(
        marked(5, Mark::Changed),
        ["after-64-polls", "parker", "unparker", "unpark"]
    );
    assert_eq!(marked(6, Mark::Changed), ["unparker", "unpark"]);
}

#[test]
fn a_part_is_in_all_later_steps_and_at_the_same_place_or_larger() {
    for step in &STEPS {
        let here = boxes(step);
        for parent in step.parents() {
            let drawn = draw(step);
            for part in PARTS.iter().filter(|part| part.form(parent).is_some()) {
                assert!(
                    drawn.contains(&format!("data-part=\"{}\"", part.id)),
                    "{step}: {}",
                    part.id
                );
            }
            for (id, before, _) in boxes(parent) {
                let (_, now, _) = here.iter().find(|(part, ..)| *part == id).expect("the same part");
                assert!(is_within(before, *now), "{step}: {id}");
            }
        }
    }
}

#[test]
fn exp5_has_no_pool_and_exp6_has_both_branches() {
    for (id, expected) in [("pool", [4, 6]), ("sources", [5, 6])] {
        let part = PARTS.iter().find(|part| part.id == id).expect("a part");
        let steps = STEPS.iter().filter(|step| part.form(step).is_some());
        assert_eq!(steps.map(|step| step.number).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn text_does_not_overflow_its_box_nor_meet_what_is_within() {
    for step in &STEPS {
        let boxes = boxes(step);
        for (id, rect, lines) in &boxes {
            for line in lines {
                assert!(
                    is_within(*line, (rect.0, rect.1, rect.2 - 3, rect.3)),
                    "{step}: {id}: {line:?}"
                );
                let met = boxes
                    .iter()
                    .find(|(other, inner, _)| other != id && is_within(*inner, *rect) && meet(*inner, *line));
                assert_eq!(met.map(|(other, ..)| other), None, "{step}: {id}");
            }
        }
    }
}

#[test]
fn names_do_not_overflow_the_small_boxes() {
    for form in PARTS.iter().flat_map(|part| part.forms) {
        if let Shape::Box { rect, text, name, .. } = &form.shape {
            let room = (rect.2 - text.0) * SMALL.0 / 100;
            for line in name.lines() {
                assert!(width(line, 14) <= room, "{line}: {} > {room}", width(line, 14));
            }
            let others = name.lines().count().saturating_sub(1) as i32;
            assert!((rect.3 - rect.1) * SMALL.1 / 100 >= 17 + SMALL_LINE * others, "{name}");
        }
    }
}

#[test]
fn titles_and_labels_fit_in() {
    for step in &STEPS {
        let title = width(&format!("{}|", step.dir), 15);
        assert!(title + width(LEGEND, 15) < WIDTH - 3 * MARGIN, "{step}");
        let shapes = PARTS.iter().filter_map(|part| Some(&part.form(step)?.shape));
        for shape in shapes {
            let Shape::Arrow {
                label: (word, (x, y)), ..
            } = shape
            else {
                continue;
            };
            let label = (*x, y - 12, x + width(word, 15), y + 4);
            assert!(label.2 <= WIDTH, "{word}");
            let met = boxes(step)
                .into_iter()
                .find(|(_, rect, _)| meet(*rect, label) && !is_within(label, *rect));
            assert_eq!(met.map(|(id, ..)| id), None, "{step}: {word}");
        }
    }
    assert!(width(LEGEND_OF_ALL, 15) < WIDTH);
}

#[test]
fn boxes_lie_apart_or_within_one_another() {
    for step in &STEPS {
        let boxes = boxes(step);
        for (id, rect, _) in &boxes {
            for (other, inner, _) in boxes.iter().filter(|(other, ..)| other != id) {
                let is_good = !meet(*rect, *inner) || is_within(*rect, *inner) || is_within(*inner, *rect);
                assert!(is_good, "{step}: {id}, {other}");
            }
        }
    }
}

#[test]
fn an_arrow_leads_from_one_part_to_another() {
    for step in &STEPS {
        let boxes = boxes(step);
        let on_edge = |point| boxes.iter().any(|(_, rect, _)| is_on_edge(point, *rect));
        let shapes: Vec<_> = PARTS
            .iter()
            .filter_map(|part| Some((part.id, &part.form(step)?.shape)))
            .collect();
        let all_paths = |shape: &&Shape| match shape {
            Shape::Arrow { paths, .. } => paths.to_vec(),
            Shape::Box { .. } => Vec::new(),
        };
        let lines: Vec<_> = shapes.iter().flat_map(|(_, shape)| all_paths(shape)).collect();
        for (id, shape) in &shapes {
            let Shape::Arrow { paths, end, .. } = shape else {
                continue;
            };
            for (path, number) in paths.iter().zip(0..) {
                let [first, _, _, last] = ends(path);
                // The arrow for "no id" comes out of a box that becomes larger, and covers its beginning.
                let covered = boxes
                    .iter()
                    .any(|(_, rect, _)| is_within((first.0, first.1, first.0, first.1), *rect));
                assert!(on_edge(first) || covered, "{step}: {id} begins at {first:?}");
                let joins = lines.iter().any(|other| other != path && leads_through(other, last));
                let is_good = match end {
                    End::Cross => !on_edge(last),
                    End::Join => joins,
                    End::Head | End::Heads => on_edge(last) || number > 0 && joins,
                };
                assert!(is_good, "{step}: {id} ends at {last:?}");
            }
        }
    }
}

/// The names of the elements that are open at the end of a text, and whether every end fitted its beginning.
fn open_elements(svg: &str) -> Option<Vec<&str>> {
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1) {
        let (tag, text) = tag.split_once('>')?;
        let is_style = open.last() == Some(&"style");
        if !is_style && (text.contains('>') && !text.contains(" > ") || tag.matches('"').count() % 2 == 1) {
            return None;
        }
        match tag.strip_prefix('/') {
            Some(name) => drop((open.pop()? == name).then_some(())?),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next()?),
        }
    }
    Some(open)
}

#[test]
fn every_picture_is_well_formed() {
    let pictures = STEPS.iter().map(draw).chain([draw_all()]);
    for svg in pictures {
        assert_eq!(open_elements(&svg), Some(Vec::new()), "{svg}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("prefers-color-scheme: dark"));
        assert!(
            !svg.contains("http") || svg.matches("http").count() == 1,
            "only the name space"
        );
        let entities = svg.matches('&').count();
        let known = ["&amp;", "&lt;", "&gt;"].map(|entity| svg.matches(entity).count());
        assert_eq!(entities, known.iter().sum::<usize>());
    }
    assert_eq!(open_elements("<g><a/></g"), None);
    assert_eq!(open_elements("<g><a></g>"), None);
    assert_eq!(open_elements("<g><a/>"), Some(vec!["g"]));
}

#[test]
fn the_pages_show_the_pictures_with_their_words() {
    let tree = Tree::find().expect("the project");
    for step in &STEPS {
        let page = tree.read(&format!("{step}/README.md")).expect("a page");
        let picture = format!("\n![{}](../{})\n", alt(step), path(step));
        assert!(page.contains(&picture), "{step}/README.md has not: {picture}");
    }
    let page = tree.read("README.md").expect("a page");
    let picture = format!("\n![{ALT_OF_ALL}]({ALL})\n");
    assert!(page.contains(&picture), "README.md has not: {picture}");
}
