//! Nodes come and go, and people stay signed in.

use super::house::{House, Session, assert_alive};

#[test]
fn nodes_take_each_others_tokens_and_one_that_starts_again_signs_nobody_out() {
    let house = House::start();
    let (a, b) = (house.node(), house.node());
    a.client.register("ada@example.org", "UTC");
    let (laptop, phone) = (
        a.sign_in("ada@example.org", "laptop"),
        b.sign_in("ada@example.org", "phone"),
    );
    b.comes_to_answer(&laptop.caller, 202);
    a.comes_to_answer(&phone.caller, 202);
    let laptop_of_b = b.refresh(&laptop.refresh);
    assert_eq!(laptop_of_b.status, 200, "{laptop_of_b:?}");
    a.comes_to_answer(&Session::of(&laptop_of_b).caller, 202);

    assert!(a.program.terminate().success());
    b.program.kill();
    let nodes = house.nodes();
    for session in [&laptop, &phone] {
        assert_alive(&nodes, session);
    }
    for token in [&Session::of(&laptop_of_b).refresh, &phone.refresh] {
        let refreshed = nodes[0].refresh(token);
        assert_eq!(refreshed.status, 200, "{refreshed:?}");
        assert_alive(&nodes, &Session::of(&refreshed));
    }
}
