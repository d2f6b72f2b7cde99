use super::*;
use proptest::prelude::*;

fn leaf(n: u64) -> Hash {
    Hash::leaf(&n.to_be_bytes())
}

fn tree(size: u64) -> Tree {
    let mut tree = Tree::default();
    (0..size).for_each(|n| tree.push(leaf(n)));
    tree
}

/// RFC 6962, 2.1, word for word, and nothing kept.
fn by_the_book(from: u64, until: u64) -> Hash {
    match until - from {
        0 => Hash::empty(),
        1 => leaf(from),
        n => {
            let mut k = 1;
            while k * 2 < n {
                k *= 2;
            }
            Hash::node(&by_the_book(from, from + k), &by_the_book(from + k, until))
        }
    }
}

#[test]
fn the_empty_tree_and_known_vectors_of_rfc_6962_implementations() {
    let hex = |h: Hash| h.to_string();
    assert_eq!(hex(Hash::empty()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    // The test leaves of the certificate-transparency reference implementation.
    let leaves: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Tree::default();
    for (leaf, root) in leaves.into_iter().zip(roots) {
        tree.push(Hash::leaf(leaf));
        assert_eq!(hex(tree.root_at(tree.size()).unwrap()), root);
    }
}

#[test]
fn every_root_of_a_growing_tree_is_the_one_by_the_book() {
    let tree = tree(300);
    for size in 0..=300 {
        assert_eq!(tree.root_at(size), Some(by_the_book(0, size)), "size {size}");
    }
    assert_eq!(tree.root_at(301), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_leaf_is_proved_and_no_other_leaf_place_or_root_is(size in 1..600u64, at in any::<prop::sample::Index>(), flip in any::<(prop::sample::Index, u8)>()) {
        let tree = tree(size);
        let n = at.index(usize::try_from(size).unwrap()) as u64;
        let root = tree.root_at(size).unwrap();
        let proof = tree.prove(&inclusion(n, size)).unwrap();
        prop_assert_eq!(check_inclusion(&proof, n, size, leaf(n), root), Ok(()));
        prop_assert!(check_inclusion(&proof, n, size, leaf(n + 1), root).is_err());
        prop_assert!(check_inclusion(&proof, size, size, leaf(n), root).is_err());
        if size > 1 {
            prop_assert!(check_inclusion(&proof, (n + 1) % size, size, leaf(n), root).is_err());
            let mut longer = proof.clone();
            longer.push(root);
            prop_assert!(check_inclusion(&longer, n, size, leaf(n), root).is_err());
            prop_assert!(check_inclusion(&proof[1..], n, size, leaf(n), root).is_err());
            let mut bent = proof.clone();
            let which = flip.0.index(bent.len());
            bent[which].0[usize::from(flip.1 % 32)] ^= 1;
            prop_assert!(check_inclusion(&bent, n, size, leaf(n), root).is_err());
        }
    }

    #[test]
    fn every_older_tree_is_proved_to_be_a_beginning_and_nothing_else_is(size in 1..600u64, at in any::<prop::sample::Index>(), other in any::<u8>()) {
        let tree = tree(size);
        let old = at.index(usize::try_from(size).unwrap() + 1) as u64;
        let (old_root, root) = (tree.root_at(old).unwrap(), tree.root_at(size).unwrap());
        let proof = tree.prove(&consistency(old, size)).unwrap();
        prop_assert_eq!(check_consistency(&proof, old, size, old_root, root), Ok(()));
        let mut wrong = old_root;
        wrong.0[usize::from(other % 32)] ^= 1;
        prop_assert!(check_consistency(&proof, old, size, wrong, root).is_err());
        prop_assert!(check_consistency(&proof, size + 1, size, old_root, root).is_err());
        if !proof.is_empty() {
            prop_assert!(check_consistency(&proof[1..], old, size, old_root, root).is_err());
            let mut longer = proof.clone();
            longer.push(root);
            prop_assert!(check_consistency(&longer, old, size, old_root, root).is_err());
        }
    }
}
