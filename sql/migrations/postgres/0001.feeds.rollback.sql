DROP TABLE feed_subscriptions;
DROP TABLE subscribers;
DROP TABLE feed_items;
DROP TABLE feeds;
