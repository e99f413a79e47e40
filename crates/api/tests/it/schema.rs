//! Whether a value is as its schema in the document says: all that it demands, and nothing besides.

use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::client::document;

/// Follows references.
pub fn resolve(mut schema: &'static Value) -> &'static Value {
    while let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        schema = document()
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{reference} leads nowhere"));
    }
    schema
}

/// All properties of a schema and the parts that it is made of.
pub fn properties(schema: &'static Value) -> Map<String, Value> {
    let all = parts(schema)
        .into_iter()
        .filter_map(|part| part["properties"].as_object());
    all.flatten()
        .map(|(name, property)| (name.clone(), property.clone()))
        .collect()
}

/// The first breach of `schema`, by its place.
pub fn check(value: &Value, schema: &'static Value) -> Result<(), String> {
    check_at("", value, schema)
}

/// The schemas that a value must all fit.
fn parts(schema: &'static Value) -> Vec<&'static Value> {
    let schema = resolve(schema);
    let all_of = schema["allOf"].as_array().into_iter().flatten();
    all_of.flat_map(parts).chain([schema]).collect()
}

fn check_at(at: &str, value: &Value, schema: &'static Value) -> Result<(), String> {
    let parts = parts(schema);
    for part in &parts {
        let faults = [
            is_of_type(value, &part["type"]),
            part["enum"].as_array().is_none_or(|all| all.contains(value)),
            has_format(value, part["format"].as_str().unwrap_or_default()),
            is_within(value, part),
        ];
        if faults.contains(&false) {
            return Err(format!("{at} breaks {part}"));
        }
    }
    match value {
        Value::Object(members) => check_members(at, members, &parts),
        Value::Array(items) => {
            let of_items = parts.iter().find_map(|part| part.get("items"));
            let Some(of_items) = of_items else { return Ok(()) };
            let mut items = items.iter().enumerate();
            items.try_for_each(|(index, item)| check_at(&format!("{at}/{index}"), item, of_items))
        }
        _ => Ok(()),
    }
}

fn check_members(at: &str, members: &Map<String, Value>, parts: &[&'static Value]) -> Result<(), String> {
    let required = parts
        .iter()
        .flat_map(|part| part["required"].as_array().into_iter().flatten());
    for name in required.filter_map(Value::as_str) {
        if !members.contains_key(name) {
            return Err(format!("{at} lacks {name}"));
        }
    }
    if parts.iter().all(|part| part["properties"].is_null()) {
        return Ok(());
    }
    for (name, member) in members {
        let mut properties = parts.iter().filter_map(|part| part["properties"].get(name));
        let property = properties
            .next()
            .ok_or_else(|| format!("{at} has {name}, which is not documented"))?;
        check_at(&format!("{at}/{name}"), member, property)?;
    }
    Ok(())
}

fn is_of_type(value: &Value, types: &Value) -> bool {
    let is = |name: &Value| match name.as_str().expect("a type") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    };
    match types {
        Value::Null => true,
        Value::Array(types) => types.iter().any(is),
        one => is(one),
    }
}

fn has_format(value: &Value, format: &str) -> bool {
    let Some(text) = value.as_str() else { return true };
    match format {
        "uuid" => Uuid::try_parse(text).is_ok(),
        "date-time" => DateTime::parse_from_rfc3339(text).is_ok(),
        "date" => text.parse::<NaiveDate>().is_ok(),
        _ => true,
    }
}

fn is_within(value: &Value, schema: &Value) -> bool {
    let size = match value {
        Value::Number(number) => number.as_f64().map(|number| ("minimum", "maximum", number)),
        Value::String(text) => Some(("minLength", "maxLength", count(text.chars().count()))),
        Value::Array(items) => Some(("minItems", "maxItems", count(items.len()))),
        _ => None,
    };
    size.is_none_or(|(min, max, size)| {
        schema[min].as_f64().is_none_or(|min| min <= size) && schema[max].as_f64().is_none_or(|max| size <= max)
    })
}

fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("not so many"))
}
