//! Circles in `depends_on`.

use std::collections::HashMap;
use stillhere_model::{ServiceDef, ServiceId};

/// Whether a service was looked at while following dependencies.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    /// On the way that is being followed.
    Open,
    Done,
}

/// One circle for every group of services that need each other, each beginning with the service that stands
/// first in the file. A service that needs itself is not reported here.
pub(super) fn cycles(defs: &[ServiceDef]) -> Vec<Vec<ServiceId>> {
    let mut number: HashMap<&ServiceId, usize> = HashMap::new();
    defs.iter().enumerate().for_each(|(i, d)| {
        number.entry(&d.id).or_insert(i);
    });
    let next: Vec<Vec<usize>> = defs
        .iter()
        .enumerate()
        .map(|(i, d)| {
            d.depends_on.iter().filter_map(|on| number.get(on).copied()).filter(|n| *n != i).collect()
        })
        .collect();
    let mut marks = vec![Mark::New; defs.len()];
    let mut found = Vec::new();
    for start in 0..defs.len() {
        // The way from `start`, with the number of the dependency to follow next: a long chain must not be
        // a deep recursion.
        let mut way: Vec<(usize, usize)> = Vec::new();
        if marks[start] == Mark::New {
            marks[start] = Mark::Open;
            way.push((start, 0));
        }
        while let Some((at, n)) = way.last_mut() {
            let Some(&to) = next[*at].get(*n) else {
                marks[*at] = Mark::Done;
                way.pop();
                continue;
            };
            *n += 1;
            match marks[to] {
                Mark::New => {
                    marks[to] = Mark::Open;
                    way.push((to, 0));
                }
                Mark::Open => {
                    let from = way.iter().position(|(s, _)| *s == to).unwrap_or(0);
                    let mut circle: Vec<usize> = way[from..].iter().map(|(s, _)| *s).collect();
                    let first = (0..circle.len()).min_by_key(|i| circle[*i]).unwrap_or(0);
                    circle.rotate_left(first);
                    found.push(circle.into_iter().map(|s| defs[s].id.clone()).collect());
                }
                Mark::Done => {}
            }
        }
    }
    found
}
