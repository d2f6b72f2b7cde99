use super::*;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};

const NOW: Time = Time(1_795_341_600_000);
const HOST: &str = "status.example.com";

fn keys() -> Keys {
    Keys::from_seed(&[1; 32])
}

fn person(n: u8) -> PersonId {
    PersonId::from_bytes([n; 16])
}

/// A device that does as it should, until a test says otherwise.
struct Device {
    ed: Ed25519KeyPair,
    ec: EcdsaKeyPair,
    use_ec: bool,
    site: String,
    origin: String,
    flags: u8,
    extra: &'static str,
}

impl Device {
    #[expect(clippy::disallowed_methods, reason = "ring makes keys from a generator of its own kind alone")]
    fn new(use_ec: bool) -> Device {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        Device {
            ed: Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap(),
            use_ec,
            site: HOST.to_owned(),
            origin: format!("https://{HOST}"),
            flags: PRESENT | VERIFIED,
            extra: "",
        }
    }

    fn cose(&self) -> Vec<u8> {
        if self.use_ec {
            let point = self.ec.public_key().as_ref();
            let head = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
            [&head[..], &point[1..33], &[0x22, 0x58, 0x20], &point[33..]].concat()
        } else {
            let head = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
            [&head[..], self.ed.public_key().as_ref()].concat()
        }
    }

    fn client_data(&self, kind: &str, question: &str) -> Vec<u8> {
        let (origin, extra) = (&self.origin, self.extra);
        format!("{{\"type\":\"{kind}\",\"challenge\":\"{question}\",\"origin\":\"{origin}\"{extra}}}")
            .into_bytes()
    }

    fn head(&self, flags: u8, counter: u32) -> Vec<u8> {
        [digest(&SHA256, self.site.as_bytes()).as_ref(), &[flags], &counter.to_be_bytes()].concat()
    }

    fn make(&self, question: &str) -> (Vec<u8>, Vec<u8>) {
        let mut said = self.head(self.flags | HAS_KEY, 1);
        said.extend([0; 16]);
        said.extend([0, 4, 7, 7, 7, 7]);
        said.extend(self.cose());
        (self.client_data("webauthn.create", question), said)
    }

    fn answer(&self, question: &str) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let client_data = self.client_data("webauthn.get", question);
        let said = self.head(self.flags, 2);
        let signed = [said.as_slice(), digest(&SHA256, &client_data).as_ref()].concat();
        #[expect(clippy::disallowed_methods, reason = "as above")]
        let signature = if self.use_ec {
            self.ec.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec()
        } else {
            self.ed.sign(&signed).as_ref().to_vec()
        };
        (client_data, said, signature)
    }
}

fn kept(device: &Device) -> Result<(Key, Answered), Wrong> {
    let question = keys().question(For::Keeping(person(1)), [3; 16], NOW);
    let (client_data, said) = device.make(&question);
    keys().keep(person(1), Site { host: HOST }, &client_data, &said, NOW)
}

fn entered(device: &Device, key: &Key) -> Result<Answered, Wrong> {
    let question = keys().question(For::Entry, [4; 16], NOW);
    let (client_data, said, signature) = device.answer(&question);
    keys().entry(&key.public, Site { host: HOST }, &client_data, &said, &signature, NOW)
}

#[test]
fn a_device_of_either_kind_is_kept_and_lets_its_user_in() {
    for use_ec in [true, false] {
        let device = Device::new(use_ec);
        let (key, _) = kept(&device).unwrap();
        assert_eq!((key.id.as_slice(), key.counter), (&[7, 7, 7, 7][..], 1));
        assert_eq!(entered(&device, &key).unwrap().counter, 2);
        assert_eq!(entered(&Device::new(true), &key), Err(Wrong::Signature), "another device");
    }
}

#[test]
fn an_answer_given_elsewhere_or_without_its_user_is_refused() {
    let good = Device::new(true);
    let (key, _) = kept(&good).unwrap();
    let with = |change: &dyn Fn(&mut Device)| {
        let mut device = Device::new(true);
        change(&mut device);
        let keeping = kept(&device).map(|_| ()).unwrap_err();
        (keeping, entered(&device, &key).unwrap_err())
    };
    let both = |w| (w, w);
    assert_eq!(with(&|d| d.origin = "https://evil.example".into()), both(Wrong::Site));
    assert_eq!(with(&|d| d.origin = format!("http://{HOST}")), both(Wrong::Site), "without TLS");
    assert_eq!(with(&|d| d.origin = format!("https://{HOST}.evil.example")), both(Wrong::Site));
    assert_eq!(with(&|d| d.site = "evil.example".into()), both(Wrong::Site));
    assert_eq!(with(&|d| d.extra = ",\"crossOrigin\":true"), both(Wrong::Site), "in a frame");
    assert_eq!(with(&|d| d.extra = ",\"topOrigin\":\"https://evil.example\""), both(Wrong::Site));
    assert_eq!(with(&|d| d.flags = PRESENT), both(Wrong::Unverified));
    assert_eq!(with(&|d| d.flags = VERIFIED), both(Wrong::Unverified));
    assert_eq!(with(&|d| d.flags |= HAS_EXTENSIONS), both(Wrong::Kind));
}

#[test]
fn a_question_is_for_one_purpose_one_person_and_some_minutes() {
    let (keys, device, site) = (keys(), Device::new(false), Site { host: HOST });
    let (key, _) = kept(&device).unwrap();
    let entry = |question: &str, now| {
        let (client_data, said, signature) = device.answer(question);
        keys.entry(&key.public, site, &client_data, &said, &signature, now)
    };
    let question = keys.question(For::Entry, [4; 16], NOW);
    let last = Time(NOW.0 + millis(ASKED_FOR) - 1);
    assert_eq!(entry(&question, last).unwrap().question, question);
    assert_eq!(entry(&question, Time(last.0 + 1)), Err(Wrong::Question), "too late");
    assert_eq!(entry(&keys.question(For::Keeping(person(1)), [4; 16], NOW), NOW), Err(Wrong::Question));
    assert_eq!(
        entry(&Keys::from_seed(&[2; 32]).question(For::Entry, [4; 16], NOW), NOW),
        Err(Wrong::Question)
    );
    for other in ["", "AAAA", &question[1..]] {
        assert_eq!(entry(other, NOW), Err(Wrong::Question), "{other}");
    }
    let theirs = keys.question(For::Keeping(person(2)), [3; 16], NOW);
    let (client_data, said) = device.make(&theirs);
    assert_eq!(keys.keep(person(1), site, &client_data, &said, NOW), Err(Wrong::Question), "somebody else's");
}

#[test]
fn what_is_cut_short_longer_or_changed_is_refused() {
    let (keys, device, site) = (keys(), Device::new(true), Site { host: HOST });
    let question = keys.question(For::Keeping(person(1)), [3; 16], NOW);
    let (client_data, said) = device.make(&question);
    for n in 0..said.len() {
        assert!(keys.keep(person(1), site, &client_data, &said[..n], NOW).is_err(), "cut at {n}");
    }
    let longer = [said.as_slice(), &[0]].concat();
    assert_eq!(keys.keep(person(1), site, &client_data, &longer, NOW), Err(Wrong::Kind));
    // What names the kind of key stands before the point; any other kind is refused.
    let key_at = 37 + 16 + 2 + 4;
    for i in key_at..key_at + 10 {
        let mut other = said.clone();
        other[i] ^= 1;
        assert_eq!(keys.keep(person(1), site, &client_data, &other, NOW), Err(Wrong::Kind), "byte {i}");
    }
    let (key, _) = keys.keep(person(1), site, &client_data, &said, NOW).unwrap();
    let question = keys.question(For::Entry, [4; 16], NOW);
    let (client_data, said, signature) = device.answer(&question);
    for i in 0..signature.len() {
        let mut other = signature.clone();
        other[i] ^= 1;
        let refused = keys.entry(&key.public, site, &client_data, &said, &other, NOW);
        assert_eq!(refused, Err(Wrong::Signature), "byte {i}");
    }
    let mut counted = said.clone();
    counted[36] ^= 1;
    assert_eq!(keys.entry(&key.public, site, &client_data, &counted, &signature, NOW), Err(Wrong::Signature));
    let huge = [client_data.as_slice(), &[b' '; CLIENT_DATA_MAX]].concat();
    assert_eq!(keys.entry(&key.public, site, &huge, &said, &signature, NOW), Err(Wrong::Unreadable));
}

#[test]
fn a_site_is_its_host_over_tls_or_this_machine() {
    let is = |host: &'static str, origin: &str| Site { host }.is(origin);
    assert!(
        is("a.example:8443", "https://a.example:8443")
            && Site { host: "a.example:8443" }.name() == "a.example"
    );
    assert!(is("localhost:8080", "http://localhost:8080"));
    assert!(!is("127.0.0.1:8080", "http://127.0.0.1:8080"), "an address is no name of a site");
    assert!(!is("a.example", "http://a.example") && !is("a.example", "null"));
}
