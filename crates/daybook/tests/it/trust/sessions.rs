//! Whatever ends a session ends it on every node, and no other.

use serde_json::json;

use super::house::{House, Node, PASSWORD, Session, assert_alive, assert_ended, attempt};
use crate::program::wait_for;

/// How many sign in at once.
const AT_ONCE: usize = 8;
const NEW_PASSWORD: &str = "a horse of another stable";

/// `email` signed in on a laptop, a phone and a tablet, on one node and the other.
fn three_devices(nodes: &[Node; 2], email: &str) -> [Session; 3] {
    nodes[0].client.register(email, "UTC");
    let sessions = [
        nodes[0].sign_in(email, "laptop"),
        nodes[1].sign_in(email, "phone"),
        nodes[0].sign_in(email, "tablet"),
    ];
    for session in &sessions {
        assert_alive(nodes, session);
    }
    sessions
}

#[test]
fn signing_out_anywhere_stops_the_tokens_of_that_session_on_every_node() {
    let house = House::start();
    let nodes = house.nodes();
    let [a, b] = &nodes;
    let nobody = json!({});

    let [laptop, phone, tablet] = three_devices(&nodes, "ada@example.org");
    assert_eq!(a.post("/api/v1/auth/logout", &laptop.caller, &nobody).status, 204);
    assert_ended(&nodes, &laptop);
    assert_alive(&nodes, &phone);

    let device = format!("/api/v1/devices/{}", phone.caller.device);
    assert_eq!(b.client.delete(&device, &tablet.caller, None).status, 204);
    assert_ended(&nodes, &phone);
    assert_alive(&nodes, &tablet);

    let again = b.sign_in("ada@example.org", "tablet");
    assert_eq!(again.caller.device, tablet.caller.device, "it is the same device");
    assert_ended(&nodes, &tablet);
    assert_alive(&nodes, &again);

    let bea = three_devices(&nodes, "bea@example.org");
    assert_eq!(a.post("/api/v1/auth/logout-all", &bea[1].caller, &nobody).status, 204);
    for session in &bea {
        assert_ended(&nodes, session);
    }
    assert_alive(&nodes, &again);
    assert_eq!(a.refresh(&again.refresh).status, 200);
}

#[test]
fn a_new_password_ends_the_other_sessions_and_one_that_was_reset_by_mail_ends_all() {
    let house = House::start();
    let nodes = house.nodes();
    let [a, b] = &nodes;
    let email = "ada@example.org";
    let [laptop, phone, tablet] = three_devices(&nodes, email);

    let change = json!({"password": PASSWORD, "new_password": NEW_PASSWORD});
    let changed = a.post("/api/v1/users/me/password", &laptop.caller, &change);
    assert_eq!(changed.status, 204, "{changed:?}");
    assert_ended(&nodes, &phone);
    assert_ended(&nodes, &tablet);
    assert_alive(&nodes, &laptop);
    let laptop = b.refresh(&laptop.refresh);
    assert_eq!(laptop.status, 200, "{laptop:?}");
    let laptop = Session::of(&laptop);
    assert_eq!(b.attempt(email, PASSWORD, "phone").status, 401);
    let phone = Session::of(&b.attempt(email, NEW_PASSWORD, "phone"));

    let asked = a
        .client
        .post("/api/v1/auth/password-reset", &[], &json!({"email": email}));
    assert_eq!(asked.status, 202, "{asked:?}");
    let reset = json!({"token": mailed_token(&house, email), "password": PASSWORD});
    let confirm = |node: &Node| node.client.post("/api/v1/auth/password-reset/confirm", &[], &reset);
    assert_alive(&nodes, &phone);
    assert_eq!(confirm(b).status, 204);
    assert_ended(&nodes, &laptop);
    assert_ended(&nodes, &phone);
    for node in &nodes {
        let second = confirm(node);
        assert_eq!(second.status, 422, "{second:?}");
        assert!(second.body.contains("invalid_token"), "{second:?}");
    }
    assert_eq!(a.attempt(email, NEW_PASSWORD, "phone").status, 401);
    assert_alive(&nodes, &a.sign_in(email, "phone"));
}

#[test]
fn of_many_sign_ins_of_one_device_at_once_one_session_lives() {
    let house = House::start();
    let nodes = house.nodes();
    nodes[0].client.register("ada@example.org", "UTC");
    let sessions: Vec<Session> = std::thread::scope(|scope| {
        let clients = nodes.iter().map(|node| &node.client).cycle().take(AT_ONCE);
        let asking: Vec<_> = clients
            .map(|client| scope.spawn(move || Session::of(&attempt(client, "ada@example.org", PASSWORD, "laptop"))))
            .collect();
        asking
            .into_iter()
            .map(|answer| answer.join().expect("signed in"))
            .collect()
    });
    let lives = |session: &&Session| nodes[1].refresh(&session.refresh).status == 200;
    let alive: Vec<&Session> = sessions.iter().filter(lives).collect();
    assert_eq!(alive.len(), 1, "they replace each other");
    for session in &sessions {
        if session.refresh == alive[0].refresh {
            assert_alive(&nodes, session);
        } else {
            assert_ended(&nodes, session);
        }
        assert_eq!(session.caller.device, alive[0].caller.device);
    }
}

/// The token in the mail that `email` got: the one line that could be one.
fn mailed_token(house: &House, email: &str) -> String {
    wait_for("a mail with a token", || {
        let files = std::fs::read_dir(house.mail.path()).expect("the folder of mail");
        let mails = files
            .map(|file| file.expect("a file").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .map(|path| std::fs::read_to_string(path).expect("a mail"));
        mails
            .filter(|mail| mail.contains(&format!("To: {email}")))
            .find_map(|mail| mail.lines().find(|line| is_token(line)).map(str::to_owned))
    })
}

/// 256 bits in Base64.
fn is_token(line: &str) -> bool {
    let in_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    line.len() == 43 && line.bytes().all(in_base64)
}
