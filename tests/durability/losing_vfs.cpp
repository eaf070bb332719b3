// SPDX-License-Identifier: Apache-2.0
#include "tests/durability/losing_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <fstream>

namespace ukey::test {
namespace {

/// What a disk writes as one, if anything is.
constexpr std::size_t sector_bytes = 512;

/// SQLite's handle of an open file, with the real one behind it in the same piece of memory.
struct Handle {
    sqlite3_file base;
    LosingVfs* vfs;
    std::string* path; ///< null: a file of no interest
};

Handle* handle_of(sqlite3_file* file) {
    return reinterpret_cast<Handle*>(file);
}

sqlite3_file* real_of(sqlite3_file* file) {
    return reinterpret_cast<sqlite3_file*>(handle_of(file) + 1);
}

bool is_watched(sqlite3_file* file) {
    return handle_of(file)->path != nullptr;
}

LosingFile& remembered(sqlite3_file* file) {
    return handle_of(file)->vfs->file(*handle_of(file)->path);
}

int announce(sqlite3_file* file) {
    return is_watched(file) ? handle_of(file)->vfs->announce_change() : SQLITE_OK;
}

void apply(std::string& content, const LosingFile::Change& change) {
    const auto offset = static_cast<std::size_t>(change.offset);
    if (change.bytes.empty()) {
        content.resize(std::min(content.size(), offset));
        return;
    }
    content.resize(std::max(content.size(), offset + change.bytes.size()));
    content.replace(offset, change.bytes.size(), change.bytes);
}

int close_file(sqlite3_file* file) {
    const int code = real_of(file)->pMethods->xClose(real_of(file));
    delete handle_of(file)->path;
    return code;
}

int read_file(sqlite3_file* file, void* bytes, int count, sqlite3_int64 offset) {
    return real_of(file)->pMethods->xRead(real_of(file), bytes, count, offset);
}

int write_file(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    if (const int failure = announce(file); failure != SQLITE_OK) {
        return failure;
    }
    const int code = real_of(file)->pMethods->xWrite(real_of(file), bytes, count, offset);
    if (code == SQLITE_OK && is_watched(file)) {
        remembered(file).pending.push_back(
            {static_cast<std::uint64_t>(offset),
             std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(count))});
    }
    return code;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
    if (const int failure = announce(file); failure != SQLITE_OK) {
        return failure;
    }
    const int code = real_of(file)->pMethods->xTruncate(real_of(file), size);
    if (code == SQLITE_OK && is_watched(file)) {
        remembered(file).pending.push_back({static_cast<std::uint64_t>(size), {}});
    }
    return code;
}

int sync_file(sqlite3_file* file, int /*flags*/) {
    if (const int failure = announce(file); failure != SQLITE_OK) {
        return failure;
    }
    if (is_watched(file)) {
        LosingFile& known = remembered(file);
        for (const LosingFile::Change& change : known.pending) {
            apply(known.durable, change);
        }
        known.pending.clear();
        if (!known.is_durable) { // SQLite syncs the folder with a new file's first sync
            known.is_durable = true;
            handle_of(file)->vfs->sync_folder();
        }
    }
    return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
int lock_file(sqlite3_file* file, int level) {
    return real_of(file)->pMethods->xLock(real_of(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
int check_reserved_lock(sqlite3_file* file, int* result) {
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}
int control_file(sqlite3_file* file, int operation, void* argument) {
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}
int sector_size(sqlite3_file* file) {
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}
/// Nothing that a disk without a battery would not promise.
int device_characteristics(sqlite3_file* /*file*/) {
    return 0;
}
int map_shared(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, memory);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}
void shared_barrier(sqlite3_file* file) {
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}
int unmap_shared(sqlite3_file* file, int remove) {
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

const sqlite3_io_methods methods{
    .iVersion = 2, // without memory-mapped pages, which would be written past this
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = file_size,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_characteristics,
    .xShmMap = map_shared,
    .xShmLock = lock_shared,
    .xShmBarrier = shared_barrier,
    .xShmUnmap = unmap_shared,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

LosingVfs& owner_of(sqlite3_vfs* vfs) {
    return *static_cast<LosingVfs*>(vfs->pAppData);
}

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
    LosingVfs& owner = owner_of(vfs);
    Handle* handle = handle_of(file);
    handle->base.pMethods = nullptr;
    handle->vfs = &owner;
    handle->path = nullptr;
    const int code = owner.real()->xOpen(owner.real(), name, real_of(file), flags, flags_out);
    if (code != SQLITE_OK) {
        return code;
    }
    constexpr int kept = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL;
    if (owner.is_watching() && name != nullptr && (flags & kept) != 0) {
        handle->path = new std::string(name);
        owner.remember(*handle->path);
    }
    handle->base.pMethods = &methods;
    return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    LosingVfs& owner = owner_of(vfs);
    if (const int failure = owner.announce_change(); failure != SQLITE_OK) {
        return failure;
    }
    const int code = owner.real()->xDelete(owner.real(), name, 0);
    if (code == SQLITE_OK && owner.is_watching()) {
        owner.forget(name, sync_folder != 0);
    }
    return code;
}

} // namespace

LosingVfs::LosingVfs() : real_(sqlite3_vfs_find(nullptr)), own_(std::make_unique<sqlite3_vfs>(*real_)) {
    own_->szOsFile = static_cast<int>(sizeof(Handle)) + real_->szOsFile;
    own_->zName = "losing";
    own_->pAppData = this;
    own_->pNext = nullptr;
    own_->xOpen = open_file;
    own_->xDelete = delete_file;
    sqlite3_vfs_register(own_.get(), 1);
}

LosingVfs::~LosingVfs() {
    sqlite3_vfs_unregister(own_.get());
    sqlite3_vfs_register(real_, 1);
}

int LosingVfs::announce_change() {
    if (!is_watching_) {
        return SQLITE_OK;
    }
    ++changes_;
    return before_change ? before_change(changes_) : SQLITE_OK;
}

/// What was deleted and made again is another file.
void LosingVfs::remember(const std::string& path) {
    if (files_[path].is_deleted) {
        files_[path] = {};
    }
}

/// Without a sync of the folder the file may be there again.
void LosingVfs::forget(const std::string& path, bool folder_is_synced) {
    if (const auto found = files_.find(path); found != files_.end()) {
        found->second.is_deleted = true;
    }
    if (folder_is_synced) {
        sync_folder();
    }
}

void LosingVfs::sync_folder() {
    std::erase_if(files_, [](const auto& file) { return file.second.is_deleted; });
}

void LosingVfs::write_image(const std::filesystem::path& folder, std::mt19937_64& random) const {
    const auto happens = [&] { return (random() & 1U) != 0; };
    for (const auto& [path, known] : files_) {
        if ((!known.is_durable || known.is_deleted) && happens()) {
            continue;
        }
        std::string content = known.durable;
        for (const LosingFile::Change& change : known.pending) {
            if (change.bytes.empty()) {
                if (happens()) {
                    apply(content, change);
                }
                continue;
            }
            for (std::size_t begin = 0; begin < change.bytes.size(); begin += sector_bytes) {
                if (happens()) {
                    apply(content, {change.offset + begin, change.bytes.substr(begin, sector_bytes)});
                }
            }
        }
        std::ofstream(folder / std::filesystem::path(path).filename(), std::ios::binary) << content;
    }
}

} // namespace ukey::test
