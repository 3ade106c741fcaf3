/**
 * What a word of SQL is to the tokenizer, over the dialects of MySQL, PostgreSQL, SQL Server, Oracle and SQLite:
 *
 * `E` begins a statement or query, `U` joins queries, `k` is another keyword, `&` joins conditions, `o` is an operator,
 * `B` orders or limits, `f` a function, `v` a value without quotes (NULL, CURRENT_USER), `t` a type, `T` makes the
 * database wait, leave itself, or is otherwise never innocent.
 */
export type WordKind = 'E' | 'U' | 'k' | '&' | 'o' | 'B' | 'f' | 'v' | 't' | 'T'

const WORDS: Readonly<Record<WordKind, string>> = {
  E: `select insert update delete drop create alter truncate replace merge exec execute declare grant revoke call load
    handler prepare deallocate rename begin desc describe explain show shutdown restore backup attach detach pragma
    vacuum analyze goto raiserror`,
  U: 'union intersect except minus',
  k: `from where into values table database procedure trigger set as on join inner outer left right full cross natural
    using distinct all any some exists when then else case if elseif elsif while default primary foreign references
    constraint unique cascade temporary recursive top partition ignore low_priority high_priority delayed straight_join
    sql_cache sql_no_cache sql_calc_found_rows outfile dumpfile infile fields terminated enclosed returning rollback
    commit separator distinctrow`,
  '&': 'and or xor',
  o: 'like rlike regexp glob ilike between in is not div mod similar escape sounds binary collate isnull notnull uescape',
  B: 'group order having limit offset by procedure',
  f: `abs acos adddate addtime aes_decrypt aes_encrypt ascii asin atan atan2 avg benchmark bin bit_and bit_count
    bit_length bit_or bit_xor cast ceil ceiling char char_length character_length charindex chr coalesce coercibility
    compress concat concat_ws connection_id conv convert convert_tz cos cot count crc32 curdate current_database
    current_query current_schema current_schemas current_setting curtime database date date_add date_format date_sub
    datediff dateadd datename datepart day dayname dayofmonth dayofweek dayofyear db_id db_name dbms_pipe decode degrees des_decrypt
    des_encrypt difference elt encode encrypt exp export_set extract extractvalue field find_in_set floor format
    found_rows from_base64 from_days from_unixtime geometrycollection geomfromtext getdate get_lock greatest group_concat
    grouping hex host_name hour ifnull iif inet_aton inet_ntoa insert_id instr isnumeric is_free_lock is_member is_srvrolemember
    is_used_lock json_array json_extract json_keys json_object last_insert_id lcase least len length linestring ln load_extension
    load_file localtimestamp locate log log10 log2 lower lpad ltrim makedate make_set master_pos_wait max md5
    microsecond mid min minute monthname multilinestring multipoint multipolygon name_const newid now nullif nvl nvl2
    object_id object_name oct octet_length old_password ord original_db_name parsename password patindex
    period_add period_diff pg_read_file pg_sleep pg_client_encoding pg_ls_dir pi point polygon position pow power quarter quote quotename
    quote_ident quote_literal radians rand random randomblob rank regexp_replace regexp_substr release_lock repeat reverse
    round row_count row_number rpad rtrim schema_name sec_to_time second serverproperty sha sha1 sha2 sign sin sleep soundex space
    sqlite_version sqrt stddev std stdev str str_to_date strcmp string_agg stuff subdate substr substring substring_index
    subtime sum suser_name suser_sname sysdate system_user tan time_format time_to_sec timediff timestampadd timestampdiff
    to_base64 to_char to_date to_days to_number to_timestamp translate trim trunc typeof type_id type_name ucase
    uncompress uncompressed_length unhex unicode unix_timestamp updatexml upper user_id user_name uuid uuid_short
    variance var_pop version weekday weekofyear width_bucket xmltype xpath year yearweek xmlelement utl_http utl_inaddr
    ctxsys dbms_utility hextoraw rawtohex filetoclob filetoblob openrowset opendatasource openquery dblink
    lo_import lo_export pg_sleep_for sys_eval sys_exec fn_listextendedproperty has_dbaccess json_value json_query json_valid
    array_agg array_to_string generate_series query_to_xml database_to_xml session_user_name st_latfromgeohash gtid_subset
    gtid_subtract polygonfromtext isfinite least_common bintochar text_from rowidtochar dcount dlookup cdbl cint clng cstr`,
  v: `null true false unknown current_user session_user current_date current_time current_timestamp localtime utc_date
    utc_time utc_timestamp rownum rowid user_tables all_tables sysobjects syscolumns information_schema mysql pg_catalog
    sqlite_master sys dual msysobjects pg_user pg_shadow`,
  t: 'int integer bigint smallint tinyint varchar nvarchar nchar varbinary numeric decimal signed unsigned datetime money bit blob clob varchar2',
  T: `waitfor delay xp_cmdshell xp_regread xp_dirtree xp_fileexist xp_regwrite sp_executesql sp_oacreate sp_oamethod
    sp_password sp_configure sp_makewebtask sp_addextendedproc sp_addlogin reconfigure bulk_insert dbms_lock dbms_pipe.receive_message`,
}

/** Every word by its lower-case form. */
export const words: ReadonlyMap<string, WordKind> = new Map(
  Object.entries(WORDS).flatMap(
    ([kind, list]) => list.split(/\s+/).map((word): [string, WordKind] => [word, kind as WordKind]), // Keys of the table above.
  ),
)

/** Longest word of the dictionary: longer ones are names without looking. */
export const LONGEST_WORD = Math.max(...[...words.keys()].map((word) => word.length))
