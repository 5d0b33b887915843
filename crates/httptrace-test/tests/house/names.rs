//! What the vocabulary's enumerations can be written as can be read back: the reader's list is in another crate, where the
//! compiler does not miss what is new.

use super::{assert_none, files, read};

const READER: &str = "crates/httptrace-export/src/timeline/names.rs";

#[test]
fn each_value_that_is_written_as_a_name_is_read_back() {
    let reader = read(READER);
    let table = reader.split_once("named! {\n    ").expect("the table").1;
    let table = table.split_once("\n}").expect("the table's end").0;
    let vocabulary: Vec<String> = files("crates/httptrace/src", ".rs")
        .iter()
        .map(|path| read(path))
        .collect();
    let mut wrong = Vec::new();
    for row in table.split(';').filter(|row| !row.trim().is_empty()) {
        let (name, row) = row.split_once(',').expect("a row begins with a name");
        let (_, known) = row.split_once(':').expect("a row has values");
        let known: Vec<&str> = known.split_whitespace().collect();
        let values = vocabulary.iter().find_map(|text| values(text, name.trim()));
        for value in values.unwrap_or_else(|| panic!("there is no {name:?}")) {
            if !known.contains(&value) {
                wrong.push(format!("{READER} does not know {}::{value}", name.trim()));
            }
        }
    }
    assert_none(&wrong);
}

/// The values of an enumeration, none of which has fields, if it is declared in this text.
fn values<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let (_, declared) = text.split_once(&format!("pub enum {name} {{\n"))?;
    let (declared, _) = declared.split_once("\n}")?;
    let lines = declared.lines().map(str::trim);
    Some(
        lines
            .filter_map(|line| line.strip_suffix(','))
            .filter(|line| !line.starts_with("//"))
            .collect(),
    )
}
