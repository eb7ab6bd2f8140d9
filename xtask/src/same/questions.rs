//! `docs/questions.md`: twenty questions, numbered, each with one answer that is folded away and names items that exist.

use crate::rust::Source;
use crate::same::Finding;
use crate::stop::Result;
use crate::tree::Tree;

const PAGE: &str = "docs/questions.md";
const MANY: usize = 20;
const REMEDY: &str = "see how the other questions do it";

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let page = if tree.has(PAGE) {
        tree.read(PAGE)?
    } else {
        return Ok(Vec::new());
    };
    let problems = problems(tree, &page)?.into_iter();
    Ok(problems
        .map(|problem| Finding::new(format!("{PAGE}: {problem}"), REMEDY))
        .collect())
}

fn problems(tree: &Tree, page: &str) -> Result<Vec<String>> {
    let questions = questions(page);
    let mut problems = Vec::new();
    if questions.len() != MANY {
        problems.push(format!("{} questions in order, and not {MANY}", questions.len()));
    }
    for (question, number) in questions.iter().zip(1..) {
        if ["<details>", "</details>"].map(|tag| question.matches(tag).count()) != [1, 1] {
            problems.push(format!("question {number} has not one answer"));
        }
        let items = items(question);
        if items.is_empty() {
            problems.push(format!("question {number} names no item"));
        }
        for (name, path) in items {
            if !has_item(tree, name, path)? {
                problems.push(format!("question {number}: {path} has no `{name}`"));
            }
        }
    }
    Ok(problems)
}

/// The text of each question and its answer. A number that is out of order begins no question.
fn questions(page: &str) -> Vec<String> {
    let mut questions: Vec<String> = Vec::new();
    for line in page.lines() {
        if line.starts_with(&format!("**{}. ", questions.len() + 1)) {
            questions.push(String::new());
        }
        if let Some(question) = questions.last_mut() {
            question.push_str(line);
            question.push('\n');
        }
    }
    questions
}

/// Every name and path of ``[`name`](../path.rs)``.
fn items(text: &str) -> Vec<(&str, &str)> {
    let links = text.split("[`").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once("`](../")?;
        let (path, _) = rest.split_once(')')?;
        (!name.contains('`') && path.ends_with(".rs")).then_some((name, path))
    });
    links.collect()
}

fn has_item(tree: &Tree, name: &str, path: &str) -> Result<bool> {
    if !tree.has(path) {
        return Ok(false);
    }
    let text = tree.read(path)?;
    let items = Source::parse(path, &text)?.items();
    Ok(items.iter().any(|item| item.plain_name() == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(edit: impl Fn(String) -> String) -> Vec<String> {
        let tree = Tree::find().expect("the project");
        let page = tree.read(PAGE).expect("the page");
        problems(&tree, &edit(page)).expect("files that parse")
    }

    #[test]
    fn the_page_passes() {
        assert_eq!(found(|page| page), [""; 0]);
    }

    #[test]
    fn an_item_that_is_gone_is_found() {
        let problems = found(|page| page.replace("[`Core::poll`]", "[`Core::poll_all`]"));
        assert_eq!(
            problems,
            ["question 3: exp2-sleep/src/scheduler.rs has no `Core::poll_all`"]
        );
    }

    #[test]
    fn an_answer_that_is_not_folded_away_is_found() {
        let problems = found(|page| page.replacen("<details>", "", 1));
        assert_eq!(problems, ["question 1 has not one answer"]);
    }

    #[test]
    fn a_question_out_of_order_is_found() {
        let problems = found(|page| page.replace("**20. ", "**21. "));
        assert!(problems[0].starts_with("19 questions in order"), "{problems:?}");
    }
}
