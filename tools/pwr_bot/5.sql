UPDATE server_settings
SET settings = JSON_OBJECT(
    'feeds', JSON_OBJECT(
        'enabled', JSON_EXTRACT(settings, '$.enabled'),
        'channel_id', JSON_EXTRACT(settings, '$.channel_id'),
        'subscribe_role_id', JSON_EXTRACT(settings, '$.subscribe_role_id'),
        'unsubscribe_role_id', JSON_EXTRACT(settings, '$.unsubscribe_role_id')
    ),
    'voice', JSON_OBJECT('enabled', JSON_EXTRACT(settings, '$.voice_tracking_enabled'))
);
