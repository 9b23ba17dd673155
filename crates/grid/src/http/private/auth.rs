use super::{Answer, Fault, PrivateState, refused};
use robust::Form;
use robust::auth::{Call, WORDING, write_token};
use services::{ServiceError, ViewerPassword};

/// A failure has no words here: they would help whoever tries passwords.
pub(super) async fn answer(state: PrivateState, form: Form) -> Answer {
    match ask(state, form).await {
        Err(Fault::Service(ServiceError::Unavailable(why))) => Err(ServiceError::Unavailable(why).into()),
        Err(_) => Ok(WORDING.failure()),
        answer => answer,
    }
}

async fn ask(state: PrivateState, form: Form) -> Answer {
    let auth = &state.services.auth;
    Ok(match Call::parse(&form)? {
        Call::Authenticate { agent, password, lifetime_min } => {
            write_token(auth.authenticate(agent, &password, lifetime_min).await?)
        }
        Call::Verify { agent, token, lifetime_min } => {
            WORDING.done(auth.verify_token(agent, token, lifetime_min).await?)
        }
        Call::Release { agent, token } => WORDING.done(auth.release_token(agent, token).await?),
        Call::SetPassword { agent, password } => {
            // Without characters it would open the account to everybody.
            if !state.config.allow_set_password || password.0.is_empty() {
                return refused("passwords are changed by the grid's operator");
            }
            auth.set_password(agent, &ViewerPassword::forms_of(&password.0)).await?;
            WORDING.success()
        }
        Call::GetInfo(_) | Call::SetInfo(_) => return refused("what is stored of passwords stays here"),
    })
}
