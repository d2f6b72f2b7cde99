//! One value, one spelling: JSON with its keys in order, no space between anything, whole numbers only. For such values
//! this is RFC 8785, so that others can make the same bytes.

use serde_json::Value;

/// The bytes of `value`.
#[must_use]
pub fn bytes(value: &Value) -> Vec<u8> {
    let mut out = String::new();
    write(value, &mut out);
    out.into_bytes()
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            // By UTF-16 units, as the standard says; serde_json's own order depends on how it was built.
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                text(key, out);
                out.push(':');
                write(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(all) => {
            out.push('[');
            for (i, value) in all.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(value, out);
            }
            out.push(']');
        }
        Value::String(s) => text(s, out),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

/// `serde_json` escapes what RFC 8785 wants escaped, and in the same way.
fn text(s: &str, out: &mut String) {
    out.push_str(&Value::from(s).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_in_order_at_every_depth_and_nothing_is_between() {
        let value = json!({ "b": [1, { "z": null, "a": "x\n\u{1}\"\\é字" }], "a": true, "": -3 });
        assert_eq!(
            String::from_utf8(bytes(&value)).unwrap(),
            "{\"\":-3,\"a\":true,\"b\":[1,{\"a\":\"x\\n\\u0001\\\"\\\\é字\",\"z\":null}]}"
        );
    }
}
