//! Types that several bridges use.

#[cxx::bridge]
pub mod bridge {
    pub struct Text {
        text: String,
    }

    pub struct Outcome {
        text: SharedPtr<Text>,
    }

    impl SharedPtr<Text> {}

    extern "Rust" {
        fn outcome(name: &str) -> Result<Outcome>;
    }
}

pub fn outcome(name: &str) -> Result<bridge::Outcome, String> {
    if name.is_empty() {
        return Err("no name".to_owned());
    }
    let text = format!("outcome of {name}");
    Ok(bridge::Outcome { text: cxx::SharedPtr::new(bridge::Text { text }) })
}
