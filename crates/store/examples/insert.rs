//! What a look costs: `cargo run --release -p stillhere-store --example insert`.
//!
//! Writes looks of 2,000 checks in batches of 200, as the node does, over ten minutes of looks (so that minutes are
//! counted and written too), and prints CPU and wall time; then commits of one deciding look each.

use std::time::Duration;
use stillhere_model::{
    CheckId, Observation, Outcome, Phases, Reason, ServiceId, Status, Time, VantageId, Verdict, VerdictChange,
};
use stillhere_net::clock;
use stillhere_store::{Store, Write};

const CHECKS: i64 = 2_000;
const BATCH: usize = 200;
const LOOKS: i64 = 200_000;
const START: i64 = 1_795_341_600_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let store = Store::open(dir.path(), Time(START)).await?;
    let ids: Vec<CheckId> = (0..CHECKS).map(|i| CheckId::new(format!("service-{i}/http"))).collect();
    let (cpu, wall) = (cpu_time()?, clock::mono());
    let mut w = Write::default();
    for i in 0..LOOKS {
        let at = Time(START + i * 600_000 / LOOKS);
        w.observations.push(look(&ids[usize::try_from(i % CHECKS)?], at, u32::try_from(8_000 + i % 4_000)?));
        if w.observations.len() == BATCH {
            w.alive_at = Some(at);
            store.commit(&w).await?;
            w.observations.clear();
        }
    }
    let (cpu, wall) = (cpu_time()? - cpu, wall.elapsed());
    let us = |d: Duration, n: i64| d.as_secs_f64() * 1e6 / n as f64;
    let stats = store.stats()?;
    let lines = [
        format!(
            "ordinary look: {:.2} µs CPU, {:.2} µs wall (batches of {BATCH})",
            us(cpu, LOOKS),
            us(wall, LOOKS)
        ),
        format!(
            "batch commit: p50 {} µs, p99 {} µs, max {} µs",
            stats.commit_p50_us, stats.commit_p99_us, stats.commit_max_us
        ),
        format!("file: {:.1} bytes a look, minutes included", stats.bytes as f64 / LOOKS as f64),
    ];
    for n in 0..500i64 {
        let at = Time(START + 600_000 + n);
        let status = if n % 2 == 0 { Status::MajorOutage } else { Status::Operational };
        w.observations = vec![look(&ids[0], at, 9_000)];
        w.verdicts = vec![VerdictChange {
            before: None,
            now: Verdict {
                service: ServiceId::new("service-0"),
                status,
                since: at,
                reason: Reason::AllUp,
                checks: Vec::new(),
                unstable: false,
                maintenance: None,
            },
        }];
        store.commit(&w).await?;
    }
    let last = store.stats()?;
    let out = lines.join("\n") + &format!("\ndeciding commit: last {} µs\n", last.commit_last_us);
    std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes())?;
    Ok(())
}

fn look(check: &CheckId, at: Time, total_us: u32) -> Observation {
    Observation {
        check: check.clone(),
        vantage: VantageId::new("core"),
        at,
        outcome: Outcome::Up,
        side: None,
        total_us,
        phases: Phases {
            dns_us: Some(200),
            connect_us: Some(900),
            tls_us: Some(3_000),
            first_byte_us: Some(total_us / 2),
            body_us: Some(100),
        },
        finding: None,
        detail: None,
        recheck: false,
    }
}

/// User and system time of the whole process.
fn cpu_time() -> Result<Duration, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after = stat.rsplit(')').next().ok_or("no stat")?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10)) // 100 ticks a second on Linux
}
