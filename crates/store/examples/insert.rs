//! What a look costs: `cargo run --release -p stillhere-store --example insert`.
//!
//! Writes looks of 6,000 checks in batches of 200, as the node does, over ten minutes of looks at about 20 s each (so
//! that minutes are counted and written too), and prints CPU and wall time; then commits of one deciding look each,
//! with its verdict, journal entry and outbox message.

use std::time::Duration;
use stillhere_model::{
    Audience, CheckId, DeliveryId, Entry, IncidentId, Mint, Observation, Occasion, OutboxMessage, Outcome,
    Payload, Phases, Reason, ServiceId, Status, Time, UpdateId, VantageId, Verdict, VerdictChange,
};
use stillhere_net::clock;
use stillhere_store::{Sketch, Store, Write};

const CHECKS: i64 = 6_000;
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
    let mut deciding = Sketch::default();
    for n in 0..500u32 {
        let at = Time(START + 600_000 + i64::from(n));
        decide(&mut w, &ids[0], n, at);
        let began = clock::mono();
        store.commit(&w).await?;
        deciding.add(u32::try_from(began.elapsed().as_micros())?);
    }
    let q = |q| deciding.quantile(q).unwrap_or(0);
    let out = lines.join("\n") + &format!("\ndeciding commit: p50 {} µs, p99 {} µs\n", q(0.5), q(0.99));
    std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes())?;
    Ok(())
}

/// Alternates between down and up, telling one channel each time.
fn decide(w: &mut Write, check: &CheckId, n: u32, at: Time) {
    let status = if n.is_multiple_of(2) { Status::MajorOutage } else { Status::Operational };
    let service = ServiceId::new("service-0");
    let mut mint = Mint::new(u64::from(n));
    let incident = IncidentId(mint.uuid(at));
    let occasion = Occasion::IncidentOpened { incident, update: UpdateId(mint.uuid(at)) };
    *w = Write { observations: vec![look(check, at, 9_000)], ..Write::default() };
    w.journal = vec![(
        at,
        Entry::IncidentOpened { incident, services: vec![service.clone()], why: "down".to_owned() },
    )];
    w.outbox = vec![OutboxMessage {
        id: DeliveryId(mint.uuid(at)),
        channel: "ops".to_owned(),
        audience: Audience::Staff,
        occasion,
        created_at: at,
        not_before: at,
        payload: Payload::Webhook { body: "{}".repeat(500) },
        personal: None,
    }];
    w.verdicts = vec![VerdictChange {
        before: None,
        now: Verdict {
            service,
            status,
            since: at,
            reason: Reason::AllUp,
            checks: Vec::new(),
            unstable: false,
            maintenance: None,
        },
    }];
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
