-- Whether an account, or one below it, has subscriptions of a plan that is sold no more.
CREATE INDEX subscriptions_by_plan ON subscriptions (plan_id, reseller_id);
