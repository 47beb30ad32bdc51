//! The observed situations of the controller, a to q, with the provider in them, on both generations. Protects: no false
//! success, no false failure, no endless wait, no plan that never becomes empty, no conflict that a user cannot resolve.
//!
//! Scenes run side by side, each with a sandbox of its own. What came of them is one table, kept as a golden so that
//! every change of it is read. `ACKONE_SCENES=b,c2` plays only these letters, without the table.

#![expect(
    clippy::indexing_slicing,
    reason = "helpers of tests are tests too; clippy knows only the functions marked so"
)]

mod configuration;
mod scenes_a_to_g;
mod scenes_h_to_n;
mod scenes_o_to_q;

use std::sync::Mutex;

use acceptance_tests::situations::{Generation, Row, table};
use acceptance_tests::{AcceptanceError, golden};
use tokio::time::Instant;

/// What a scene is: it plays itself with a generation and answers its row.
type Play = fn(Generation) -> Result<Row, AcceptanceError>;

const SCENES: &[(&str, Play)] = &[
    // Those that wait longest come first.
    ("b", scenes_a_to_g::b_missing_secret),
    ("b2", scenes_a_to_g::b2_missing_secret_in_an_update),
    ("l3", scenes_h_to_n::l3_taken_back_unheard),
    ("p", scenes_o_to_q::p_listener_missing),
    ("p4", scenes_o_to_q::p4_https_on_an_http_port_unchecked),
    ("g2", scenes_a_to_g::g2_gateway_of_others_deleted),
    ("c2", scenes_a_to_g::c2_wrong_port),
    ("d", scenes_a_to_g::d_bad_neighbour),
    ("d2", scenes_a_to_g::d2_new_beside_a_bad_neighbour),
    ("e2", scenes_a_to_g::e2_used_listener_removed_unchecked),
    ("n3", scenes_h_to_n::n3_cloud_refuses_to_delete),
    ("q2", scenes_o_to_q::q2_an_edit_is_taken_back_in_its_pass),
    ("n", scenes_h_to_n::n_cloud_refuses),
    ("p2", scenes_o_to_q::p2_https_on_an_http_port),
    ("a", scenes_a_to_g::a_bare_https_listener),
    ("c", scenes_a_to_g::c_missing_service),
    ("e", scenes_a_to_g::e_used_listener_removed),
    ("f", scenes_a_to_g::f_ingress_deleted),
    ("g", scenes_a_to_g::g_gateway_deleted_in_use),
    ("h", scenes_h_to_n::h_same_host_and_path),
    ("i", scenes_h_to_n::i_protocol_changed_by_hand),
    ("j", scenes_h_to_n::j_creation_only_fields_changed_by_hand),
    ("k", scenes_h_to_n::k_ownership_moves),
    ("l", scenes_h_to_n::l_http2_said_explicitly),
    ("l2", scenes_h_to_n::l2_wrong_type_elsewhere),
    ("m", scenes_h_to_n::m_secret_rotated_and_deleted),
    ("n2", scenes_h_to_n::n2_cloud_refuses_for_a_while),
    ("o", scenes_o_to_q::o_ingress_before_its_class),
    ("o2", scenes_o_to_q::o2_class_deleted),
    ("o3", scenes_o_to_q::o3_class_renamed),
    ("p3", scenes_o_to_q::p3_bad_zones),
    ("q", scenes_o_to_q::q_two_edits_in_one_pass),
];

/// Scenes wait more than they work.
const SIDE_BY_SIDE: usize = 8;

#[test]
#[expect(clippy::disallowed_methods, reason = "which scenes to play comes from whoever plays them")]
fn the_provider_keeps_its_word_in_every_situation_of_both_generations() {
    let only = std::env::var("ACKONE_SCENES").ok();
    let wanted = |letter: &str| only.as_ref().is_none_or(|only| only.split(',').any(|one| one == letter));
    let generations = [Generation::OpenSource, Generation::Hosted];
    let mut queue: Vec<(Play, Generation)> = SCENES
        .iter()
        .filter(|(letter, _)| wanted(letter))
        .flat_map(|(_, play)| generations.map(|generation| (*play, generation)))
        .collect();
    queue.reverse();
    let (queue, rows, failures) = (Mutex::new(queue), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let Some((play, generation)) = queue.lock().unwrap().pop() else { break };
                    let began = Instant::now();
                    let outcome = play(generation);
                    let took = began.elapsed().as_secs();
                    match outcome {
                        Ok(row) => {
                            println!("{} {}: played in {took} s", row.letter, generation.name());
                            rows.lock().unwrap().push(row);
                        }
                        Err(error) => {
                            println!("failed after {took} s: {error}");
                            failures.lock().unwrap().push(error.to_string());
                        }
                    }
                }
            });
        }
    });
    let text = table(rows.into_inner().unwrap());
    println!("{text}");
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} scenes failed:\n{}", failures.len(), failures.join("\n\n"));
    if only.is_none() {
        golden::check_file("situations.md", &text).unwrap();
    }
}
